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
})();
