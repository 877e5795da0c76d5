// The stages of a run, asked for every two seconds until it has ended.
(() => {
  const stages = document.getElementById("stages");
  const look = async () => {
    if (!stages.querySelector("[data-more]")) return;
    try {
      const answer = await fetch(stages.dataset.stages);
      if (answer.ok) {
        const text = await answer.text();
        if (text !== stages.dataset.last) stages.innerHTML = text;
        stages.dataset.last = text;
      } else if (answer.status < 500) {
        location.reload();
        return;
      }
    } catch {
      // The server is away for a moment.
    }
    setTimeout(look, 2000);
  };
  setTimeout(look, 2000);
})();
