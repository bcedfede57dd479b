/* Selects the time zone of the browser for a user who has not chosen one yet. */
(() => {
  const zone = document.querySelector("select[data-guess]");
  const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && [...zone.options].some((option) => option.value === browserZone)) zone.value = browserZone;
})();
