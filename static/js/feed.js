/* The link "2 new posts" above the feed: new posts are announced and do not move what is being read. What is typed into
   a new post is kept in this tab until it is sent. */
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
  field.value ||= sessionStorage.getItem(key) ?? "";
  field.addEventListener("input", keep);
  form.addEventListener("submit", () => sessionStorage.removeItem(key)); // if it is refused, the server shows it again
})();
