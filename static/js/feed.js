/* The link "2 new posts" above the feed: new posts are announced and do not move what is being read. */
(() => {
  const link = document.getElementById("news"), { newest, one, many } = link.dataset;

  document.addEventListener("live:feed", ({ detail }) => {
    const count = detail.newest.filter((id) => id > +newest).length;
    link.hidden = !count;
    link.textContent = count === 1 ? one : many.replace("{n}", count);
  });
})();
