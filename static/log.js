// Logs that follow: new text is asked for only when the page says that the file has grown.
// Following can be paused, and what is shown can be searched.
(() => {
  "use strict";
  const maxLength = 400_000;
  const maxHits = 5_000;

  const follow = (box) => {
    const output = box.querySelector("pre");
    const decoder = new TextDecoder();
    let offset = Number(box.dataset.offset);
    let busy = false;
    let paused = false;

    const atEnd = () => output.scrollHeight - output.scrollTop - output.clientHeight < 24;
    const hasSelection = () => {
      const selection = getSelection();
      return !selection.isCollapsed && output.contains(selection.anchorNode);
    };
    const show = (text, anew) => {
      const stuck = atEnd();
      if (anew) output.textContent = "";
      output.append(text);
      output.normalize();
      if (output.textContent.length > maxLength) {
        output.textContent = output.textContent.slice(-maxLength / 2);
      }
      if (stuck) output.scrollTop = output.scrollHeight;
      find.refresh();
    };
    const look = async () => {
      const size = Number(document.querySelector("[data-log-size]")?.dataset.logSize ?? offset);
      if (busy || paused || size === offset || hasSelection()) return;
      busy = true;
      try {
        const response = await fetch(`${box.dataset.url}?after=${offset}`, {
          headers: { Accept: "text/plain" },
        });
        if (response.status !== 200) return;
        const bytes = await response.arrayBuffer();
        const anew = response.headers.get("X-Log-Start") === "0" && offset > 0;
        offset = Number(response.headers.get("X-Log-End"));
        show(decoder.decode(bytes, { stream: true }), anew);
      } catch {
        // the next poll tries again
      } finally {
        busy = false;
      }
    };
    const find = searcher(box, output);

    const pause = box.querySelector("[data-log-pause]");
    pause?.addEventListener("click", () => {
      paused = !paused;
      pause.setAttribute("aria-pressed", String(paused));
      if (!paused) {
        output.scrollTop = output.scrollHeight;
        look();
      }
    });
    document.addEventListener("htmx:after:swap", look);
  };

  // Marks by the browser's own highlights: the text itself stays as it is.
  const searcher = (box, output) => {
    const form = box.querySelector("[data-log-search]");
    if (!form) return { refresh: () => {} };
    const field = form.querySelector("input[type=search]");
    const count = form.querySelector("[data-log-count]");
    const canMark = "highlights" in CSS;
    let hits = [];
    let current = -1;

    const rangeOf = (start, length) => {
      const range = document.createRange();
      range.setStart(output.firstChild, start);
      range.setEnd(output.firstChild, start + length);
      return range;
    };
    const mark = () => {
      if (!canMark) return;
      const ranges = hits.map(([start, length]) => rangeOf(start, length));
      CSS.highlights.set("log-hits", new Highlight(...ranges));
      CSS.highlights.set("log-hit", new Highlight(...(ranges[current] ? [ranges[current]] : [])));
    };
    const tell = () => {
      if (!field.value) count.textContent = "";
      else if (!hits.length) count.textContent = "not found";
      else count.textContent = `${current + 1} of ${hits.length}`;
    };
    const refresh = () => {
      output.normalize();
      const wanted = field.value.toLowerCase();
      const text = (output.firstChild?.data ?? "").toLowerCase();
      hits = [];
      for (
        let at = wanted ? text.indexOf(wanted) : -1;
        at >= 0 && hits.length < maxHits;
        at = text.indexOf(wanted, at + wanted.length)
      ) {
        hits.push([at, wanted.length]);
      }
      current = Math.min(current, hits.length - 1);
      mark();
      tell();
    };
    const go = (step) => {
      if (!hits.length) return;
      current = (current + step + hits.length) % hits.length;
      mark();
      tell();
      const place = rangeOf(...hits[current]).getBoundingClientRect();
      const box = output.getBoundingClientRect();
      output.scrollTop += place.top - box.top - box.height / 2;
    };
    const search = () => {
      current = -1;
      refresh();
      if (!hits.length) return;
      current = 0; // a log is read from its end: the latest comes first
      go(-1);
    };
    field.addEventListener("input", search);
    form.addEventListener("submit", (event) => {
      if (field.value && !hits.length) return; // the whole log may have it
      event.preventDefault();
      go(1);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !hits.length) return;
      event.preventDefault();
      go(event.shiftKey ? -1 : 1);
    });
    form.querySelector("[data-log-previous]").addEventListener("click", () => go(-1));
    form.querySelector("[data-log-next]").addEventListener("click", () => go(1));
    return { refresh };
  };

  for (const box of document.querySelectorAll(".log[data-url]")) follow(box);
})();
