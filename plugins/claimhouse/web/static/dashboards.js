// Charts drawn anew as wide as their tiles, with exact numbers at the pointer; a click on a mark filters.
// Lists of filters that find what is typed. Without this script the server's drawings and the form do.
const LOOK = {
  ast: true,
  actions: false,
  renderer: "svg",
  defaultStyle: false,
  tooltip: { disableDefaultStyle: true },
};
const FONT = '"Source Sans Pro"';

const follow = (chart, datum) => {
  if (!datum || !Number.isInteger(datum.row)) return;
  const row = chart.closest(".tile").querySelector(`tr[data-row="${datum.row}"]`);
  if (row?.dataset.filter) location.assign(row.dataset.filter);
};

// Names take at most a third of a narrow chart, and are aslant above columns.
const narrow = (part, most) => {
  if (part?.orient === "top" && part.labelAngle === 0) Object.assign(part, { labelAngle: -45, labelAlign: "left" });
  for (const [key, value] of Object.entries(part ?? {})) {
    if (key === "labelLimit") part[key] = Math.min(value, most);
    else if (typeof value === "object" && key !== "values") narrow(value, most);
  }
};

const draw = async (chart) => {
  const drawing = chart.querySelector(".drawing");
  const spec = JSON.parse(chart.querySelector("script").textContent);
  const width = Math.floor(drawing.clientWidth);
  if (!width) return;
  spec.width = width;
  if (width < 520) narrow(spec, Math.floor(width / 3));
  const fresh = document.createElement("div");
  const { view } = await window.vegaEmbed(fresh, spec, LOOK);
  view.addEventListener("click", (event, item) => follow(chart, item?.datum));
  drawing.classList.add("is-live");
  drawing.replaceChildren(fresh);
  let last = width;
  new ResizeObserver(() => {
    const now = Math.floor(drawing.clientWidth);
    if (!now || Math.abs(now - last) < 2) return;
    last = now;
    view.width(now).runAsync();
  }).observe(drawing);
};

// What a tile is: Escape hides it, until the pointer or the focus comes back.
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const head of document.querySelectorAll(".head")) head.classList.add("closed");
  for (const choice of document.querySelectorAll(".choice[open]")) {
    choice.open = false;
    choice.querySelector("summary").focus();
  }
});
for (const head of document.querySelectorAll(".head")) {
  for (const name of ["pointerenter", "focusin"]) head.addEventListener(name, () => head.classList.remove("closed"));
}

// Lists of filters.
const row = (name, value, count, checked) => {
  const label = document.createElement("label");
  const box = document.createElement("input");
  Object.assign(box, { type: "checkbox", name, value, checked });
  const text = document.createElement("span");
  text.textContent = value;
  label.append(box, " ", text);
  if (count) {
    const number = document.createElement("span");
    number.className = "count";
    number.textContent = count;
    label.append(" ", number);
  }
  return label;
};

for (const find of document.querySelectorAll("input[data-choices]")) {
  const choice = find.closest(".choice");
  const list = choice.querySelector("fieldset");
  const first = list.querySelector("input")?.name;
  if (!first) continue;
  find.hidden = false;
  let asked = 0;
  let timer = 0;
  const look = async () => {
    const number = ++asked;
    const address = new URL(find.dataset.choices, location.href);
    address.searchParams.set("text", find.value);
    let found;
    try {
      const answer = await fetch(address);
      if (!answer.ok) return;
      found = await answer.json();
    } catch {
      return; // The server is away for a moment: what is listed stays.
    }
    if (number !== asked) return;
    const kept = [...list.querySelectorAll("input:checked")].map((box) => box.closest("label"));
    const values = new Set(kept.map((label) => label.querySelector("input").value));
    const legend = list.querySelector("legend");
    const rows = found
      .filter(([value]) => !values.has(value))
      .map(([value, count]) => row(first, value, count, false));
    if (!rows.length && !kept.length) {
      const none = document.createElement("p");
      none.className = "none";
      none.textContent = "Nothing has this text.";
      rows.push(none);
    }
    list.replaceChildren(legend, ...kept, ...rows);
  };
  find.addEventListener("input", () => {
    const text = find.value.toLowerCase();
    for (const label of list.querySelectorAll("label")) {
      const box = label.querySelector("input");
      label.hidden = !box.checked && !box.value.toLowerCase().includes(text);
    }
    clearTimeout(timer);
    timer = setTimeout(look, 150);
  });
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    // Enter takes what is found, if it is one.
    event.preventDefault();
    const boxes = [...list.querySelectorAll("label:not([hidden]) input:not(:checked)")];
    if (boxes.length === 1) boxes[0].checked = true;
    if (boxes.length === 1 || !find.value) find.form.requestSubmit();
  });
  choice.addEventListener("toggle", () => {
    if (choice.open) find.focus();
  });
}
addEventListener("click", (event) => {
  for (const choice of document.querySelectorAll(".choice[open]")) {
    if (!choice.contains(event.target)) choice.open = false;
  }
});

// An address names no filter that is empty, unless it has a default that is not wanted.
const form = document.getElementById("filters");
const defaults = new Set([...form.querySelectorAll('input[type="hidden"]')].map((field) => field.name));
form.addEventListener("formdata", (event) => {
  const { formData } = event;
  for (const name of new Set(formData.keys())) {
    const values = formData.getAll(name).filter((value) => value !== "");
    formData.delete(name);
    for (const value of values) formData.append(name, value);
  }
  const keys = [...formData.keys()];
  for (const name of defaults) {
    if (!keys.some((key) => key === name || key.startsWith(`${name}.`))) formData.append(name, "");
  }
});

const charts = [...document.querySelectorAll(".chart")];
if (window.vegaEmbed && charts.length) {
  await Promise.all([document.fonts.load(`13px ${FONT}`), document.fonts.load(`600 13px ${FONT}`)]).catch(() => {});
  for (const chart of charts) {
    try {
      await draw(chart);
    } catch (error) {
      console.error(error); // The server's drawing stays.
    }
  }
}
document.documentElement.dataset.charts = "drawn";
