/* The link "2 new posts" above the feed: new posts are announced and do not move what is being read. What is typed into
   a new post is kept in this tab until it is in the feed. */
(() => {
  const link = document.getElementById("news"), { newest, one, many } = link.dataset;
  let version = -1;

  document.addEventListener("live:feed", ({ detail }) => {
    if (detail.v <= version) return;
    version = detail.v;
    const count = detail.newest.filter((id) => id > +newest).length;
    link.hidden = !count;
    link.textContent = count === 1 ? one : many.replace("{n}", count);
  });

  const form = document.querySelector("[data-draft]");
  if (!form) return;
  const key = `draft.${form.dataset.draft}`, field = form.elements.text;
  const keep = () => { if (field.value) sessionStorage.setItem(key, field.value); else sessionStorage.removeItem(key); };
  const bare = (text) => text.replaceAll(/\s/g, "");
  const posted = [...document.querySelectorAll(".post .text")].map((shown) => bare(shown.textContent));
  const draft = sessionStorage.getItem(key) ?? "";
  if (posted.includes(bare(draft))) sessionStorage.removeItem(key);
  else field.value ||= draft;
  field.addEventListener("input", keep);
})();
