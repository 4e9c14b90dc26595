// Comforts of the list of tasks: it works without any of this.
(() => {
  "use strict";

  // A choice filters at once, and the address names only what was chosen.
  const filters = document.getElementById("filters");
  filters?.addEventListener("change", (event) => {
    if (event.target.matches("select")) filters.requestSubmit();
  });
  filters?.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) {
      if (!value) event.formData.delete(name);
    }
  });

  // Selecting: all of the page by the head's box, a range by Shift.
  const boxes = () => [...document.querySelectorAll("#task-rows .pick input")];
  const all = document.getElementById("pick-page");
  const count = document.getElementById("bulk-count");
  const everything = document.querySelector(".bulk-all input");
  let last = null;

  const show = () => {
    const picked = boxes().filter((box) => box.checked).length;
    if (count) count.textContent = everything?.checked ? "All" : picked;
    if (!all) return;
    all.checked = picked > 0 && picked === boxes().length;
    all.indeterminate = picked > 0 && !all.checked;
    if (!picked && everything) everything.checked = false;
  };
  document.addEventListener("click", (event) => {
    const box = event.target;
    if (box === all) {
      for (const other of boxes()) other.checked = all.checked;
    } else if (box.matches?.("#task-rows .pick input")) {
      const row = boxes();
      if (event.shiftKey && row.includes(last)) {
        const [from, to] = [row.indexOf(last), row.indexOf(box)].sort((a, b) => a - b);
        for (const other of row.slice(from, to + 1)) other.checked = box.checked;
      }
      last = box;
    } else if (box.id === "bulk-clear") {
      for (const other of boxes()) other.checked = false;
    } else if (box !== everything) {
      return;
    }
    show();
  });
  window.addEventListener("pageshow", show); // a browser that goes back keeps what was ticked
  document.addEventListener("htmx:after:swap", show);
})();
