// The task form, filled in with live help. Without this script every button asks the server instead.
(() => {
  "use strict";
  const main = document.getElementById("main");
  const form = () => document.getElementById("task-form");
  const field = (id) => document.getElementById(`id_${id}`);
  const changed = (element) => element?.dispatchEvent(new Event("input", { bubbles: true }));

  // What is complained about: fields that were left after something was typed in them.
  const keyOf = (element) => element.closest("[data-row]")?.dataset.row ?? element.name;
  const touch = (...keys) => {
    const touched = field("touched");
    if (!touched || touched.value === "*") return false;
    const all = new Set(touched.value.split(" ").filter(Boolean));
    const before = all.size;
    for (const key of keys) all.add(key);
    touched.value = [...all].join(" ");
    return all.size > before;
  };
  main.addEventListener("change", (event) => {
    if (event.target.form !== form()) return;
    let isNew = touch(keyOf(event.target));
    if (event.target.name === "base_runtime") {
      // Flags that the new runtime does not know are marked at once.
      isNew = touch(...[...main.querySelectorAll("[data-row]")].map((row) => row.dataset.row));
    }
    if (isNew) changed(form());
  });

  // Names that follow from the model follow it as it is typed, until they say something else.
  const runtime = () => form()?.querySelector("[name=base_runtime]:checked")?.value ?? "";
  const derive = (model, engine) => {
    const whole = model.trim();
    const last = whole.replace(/\/+$/, "").split("/").pop();
    const name = last && engine ? `${last} on ${engine}` : last;
    const isNew = !form()?.hasAttribute("data-hx-put");
    return { model_name: last, model_tokenizer: last && whole, ...(isNew && { task_name: name }) };
  };
  let derived = derive(field("model")?.value ?? "", runtime());
  const follow = () => {
    const now = derive(field("model")?.value ?? "", runtime());
    for (const [name, value] of Object.entries(now)) {
      const input = field(name);
      if (input && (input.value === "" || input.value === derived[name])) input.value = value;
    }
    derived = now;
  };
  main.addEventListener("input", (event) => {
    if (["model", "base_runtime"].includes(event.target.name)) follow();
    press(event.target.closest("[data-row]"));
  });

  // Values to click: those that stand in the list are pressed.
  const valuesOf = (input) => input.value.split(",").map((part) => part.trim()).filter(Boolean);
  const press = (row) => {
    const input = row?.querySelector(".row-values");
    if (!input) return;
    const values = valuesOf(input);
    for (const chip of row.querySelectorAll("[data-toggle-value]")) {
      chip.setAttribute("aria-pressed", values.includes(chip.dataset.toggleValue));
    }
  };
  const toggle = (chip) => {
    const row = chip.closest("[data-row]");
    const input = row.querySelector(".row-values");
    const value = chip.dataset.toggleValue;
    const values = valuesOf(input);
    const kept = values.filter((other) => other !== value);
    input.value = (kept.length < values.length ? kept : [...values, value]).join(", ");
    const kind = row.querySelector(".row-kind");
    if (kind) kind.value = "choices";
    changed(input);
  };

  const addRow = (button) => {
    const box = button.closest("[data-rows]");
    const numbers = [...box.querySelectorAll("[data-row]")].map((row) =>
      Number(row.dataset.row.split("-").pop()),
    );
    const holder = document.createElement("div");
    const next = Math.max(-1, ...numbers) + 1;
    holder.innerHTML = box.querySelector("template").innerHTML.replaceAll("__n__", next);
    const row = holder.firstElementChild;
    box.querySelector(".rows-list").append(row);
    row.querySelector("input, select").focus();
  };
  const removeRow = (button) => {
    const box = button.closest("[data-rows]");
    button.closest("[data-row]").remove();
    box.querySelector("[data-add-row]").focus();
    changed(form());
  };
  const addScenario = (button) => {
    const input = field("traffic_scenarios");
    const typed = input.value.trim().replace(/,$/, "");
    input.value = [typed, button.dataset.addScenario].filter(Boolean).join(", ");
    changed(input);
  };
  const takeName = (button) => {
    const input = button.closest("[data-row]").querySelector(".row-name");
    input.value = button.dataset.takeName;
    input.focus();
    changed(input);
  };
  const reset = (button) => {
    const input = field(button.dataset.reset);
    input.value = derived[button.dataset.reset] ?? "";
    input.focus();
    changed(input);
  };
  const ACTIONS = {
    "[data-add-row]": addRow,
    "[data-remove-row]": removeRow,
    "[data-add-scenario]": addScenario,
    "[data-toggle-value]": toggle,
    "[data-take-name]": takeName,
    "[data-reset]": reset,
  };
  main.addEventListener("click", (event) => {
    for (const [selector, act] of Object.entries(ACTIONS)) {
      const button = event.target.closest(selector);
      if (button) {
        event.preventDefault();
        act(button);
        return;
      }
    }
  });
  main.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.form !== form()) return;
    if (event.target.tagName !== "INPUT") return;
    event.preventDefault(); // nobody means to save a long form by it
    touch(keyOf(event.target));
    changed(event.target);
  });

  // After an answer: what is wrong is marked for those who do not see it, too.
  const mark = () => {
    for (const live of main.querySelectorAll(".live")) {
      const owner = live.closest(".row-edit, .field");
      const isWrong = Boolean(live.querySelector(".field-error"));
      for (const input of owner?.querySelectorAll("input, select, textarea") ?? []) {
        if (input.closest(".row-edit, .field") !== owner) continue;
        if (isWrong) input.setAttribute("aria-invalid", "true");
        else input.removeAttribute("aria-invalid");
      }
    }
    main.querySelectorAll("[data-row]").forEach(press);
  };
  document.addEventListener("htmx:after:swap", (event) => {
    mark();
    if (event.detail?.ctx?.sourceElement?.id !== "task-form") return;
    derived = derive(field("model")?.value ?? "", runtime());
    watchSections();
    const first = main.querySelector("[autofocus]") ?? document.getElementById("form-errors");
    first?.focus();
    first?.scrollIntoView({ block: "center" });
  });
  mark();

  // A refusal comes without a page, so that nothing that was typed is lost: say why.
  document.addEventListener("htmx:after:request", (event) => {
    const status = String(event.detail.ctx.response?.status);
    for (const notice of main.querySelectorAll("[data-refused]")) {
      notice.hidden = !notice.dataset.refused.split(" ").includes(status);
    }
  });

  // The section that is being read is marked in the navigation.
  let observer;
  const watchSections = () => {
    observer?.disconnect();
    const links = new Map(
      [...main.querySelectorAll(".editor-nav a")].map((a) => [a.getAttribute("href").slice(1), a]),
    );
    const seen = new Set();
    observer = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          if (isIntersecting) seen.add(target.id);
          else seen.delete(target.id);
        }
        const first = [...links.keys()].find((id) => seen.has(id));
        for (const [id, link] of links) {
          if (id === first) link.setAttribute("aria-current", "true");
          else link.removeAttribute("aria-current");
        }
      },
      { rootMargin: "-10% 0px -60% 0px" },
    );
    for (const id of links.keys()) observer.observe(document.getElementById(id));
  };
  watchSections();
})();
