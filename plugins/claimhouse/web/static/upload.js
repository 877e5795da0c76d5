// Files dropped or chosen, each sent by itself with a bar of its progress.
(() => {
  const form = document.getElementById("upload");
  if (!form) return;
  const { file: address, token, most } = form.dataset;
  const input = document.getElementById("files");
  const list = document.getElementById("progress");
  document.getElementById("or").textContent = ", or drop them here";

  const size = (bytes) =>
    bytes < 1048576 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1048576).toFixed(1)} MiB`;

  const row = (file) => {
    const item = list.appendChild(document.createElement("li"));
    const name = item.appendChild(document.createElement("span"));
    name.textContent = `${file.name} (${size(file.size)})`;
    const bar = item.appendChild(document.createElement("progress"));
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", file.name);
    const state = item.appendChild(document.createElement("strong"));
    return {
      at: (share) => {
        bar.value = share;
        state.textContent = share < 1 ? `${Math.floor(100 * share)} %` : "is looked at";
      },
      end: (text, page) => {
        bar.remove();
        state.textContent = text;
        state.className = page ? "good" : "bad";
        if (!page) return;
        const link = item.appendChild(document.createElement("a"));
        link.href = page;
        link.textContent = "See what it is";
      },
    };
  };

  const why = (request) => {
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    return page.querySelector("main p")?.textContent || request.responseText || "It was refused.";
  };

  const send = (file) =>
    new Promise((resolve) => {
      const shown = row(file);
      const failed = (text) => {
        shown.end(text);
        resolve(null);
      };
      if (file.size > Number(most)) return failed(`It is larger than ${size(Number(most))}.`);
      const request = new XMLHttpRequest();
      request.open("PUT", address);
      request.setRequestHeader("X-Claimhouse-Token", token);
      request.setRequestHeader("X-Claimhouse-File-Name", encodeURIComponent(file.name));
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.upload.onprogress = (event) => shown.at(event.loaded / event.total);
      request.onerror = () => failed("The connection broke off. Nothing of the file was kept. Try again.");
      request.onload = () => {
        if (request.status !== 201) return failed(why(request));
        const page = address.replace(/upload\/file$/, JSON.parse(request.responseText).page);
        shown.end("uploaded", page);
        resolve(page);
      };
      request.send(file);
    });

  let waiting = Promise.resolve();
  let busy = 0;
  const take = (files) => {
    const chosen = [...files];
    busy += 1;
    waiting = waiting.then(async () => {
      const pages = [];
      for (const file of chosen) pages.push(await send(file));
      busy -= 1;
      if (busy || pages.includes(null)) return;
      location.assign(pages.length === 1 ? pages[0] : address.replace(/\/file$/, ""));
    });
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    take(input.files);
    input.value = "";
  });
  for (const name of ["dragenter", "dragover"]) {
    form.addEventListener(name, (event) => {
      event.preventDefault();
      form.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) form.addEventListener(name, () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer.files);
  });
  // A file dropped beside the form would replace the page.
  for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault());
  addEventListener("beforeunload", (event) => {
    if (busy) event.preventDefault();
  });
})();
