// Follows a task's log: new text is asked for only when the page says that the file has grown.
(() => {
  "use strict";
  const box = document.getElementById("task-log");
  if (!box) return;
  const output = box.querySelector("pre");
  const decoder = new TextDecoder();
  const maxLength = 400_000;
  let offset = Number(box.dataset.offset);
  let busy = false;

  const atEnd = () => output.scrollHeight - output.scrollTop - output.clientHeight < 24;
  const scrollToEnd = () => {
    output.scrollTop = output.scrollHeight;
  };
  const hasSelection = () => {
    const selection = getSelection();
    return !selection.isCollapsed && output.contains(selection.anchorNode);
  };

  const follow = async () => {
    const size = Number(document.querySelector("[data-log-size]")?.dataset.logSize ?? 0);
    if (busy || size === offset || hasSelection()) return;
    busy = true;
    try {
      const response = await fetch(`${box.dataset.url}?after=${offset}`, {
        headers: { Accept: "text/plain" },
      });
      if (response.status !== 200) return;
      const bytes = await response.arrayBuffer();
      const stuck = atEnd();
      if (response.headers.get("X-Log-Start") === "0" && offset > 0) output.textContent = "";
      offset = Number(response.headers.get("X-Log-End"));
      output.append(decoder.decode(bytes, { stream: true }));
      output.normalize();
      if (output.textContent.length > maxLength) {
        output.textContent = output.textContent.slice(-maxLength / 2);
      }
      box.querySelector("[data-empty]")?.remove();
      if (stuck) scrollToEnd();
    } catch {
      // the next poll tries again
    } finally {
      busy = false;
    }
  };

  document.addEventListener("htmx:after:swap", follow);
})();
