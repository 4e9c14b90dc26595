// The browser's own notification when a task ends, while its page is open, also in another tab.
// Asked for by a button: where the browser has none, or forbids it, nothing is offered.
(() => {
  "use strict";

  const KEY = "autotuner-notify";
  const ENDED = new Set(["completed", "failed", "cancelled"]);
  const canAsk = "Notification" in window && window.isSecureContext;

  const stored = () => {
    try {
      return localStorage.getItem(KEY) === "on";
    } catch {
      return false; // storage is forbidden
    }
  };
  let isOn = canAsk && Notification.permission === "granted" && stored();
  const remember = () => {
    try {
      localStorage.setItem(KEY, isOn ? "on" : "off");
    } catch {
      // then it counts for this page alone
    }
  };

  // The part of the page that follows the task is exchanged: its button is shown anew each time.
  const show = () => {
    const button = document.getElementById("notify-here");
    if (!button || !canAsk || Notification.permission === "denied") return;
    const words = isOn ? "Do not tell me in this browser" : "Tell me in this browser";
    if (button.textContent !== words) button.textContent = words;
    if (button.hidden) button.hidden = false;
  };

  document.addEventListener("click", async (event) => {
    if (!event.target.closest?.("#notify-here")) return;
    isOn = !isOn && (await Notification.requestPermission()) === "granted";
    remember();
    show();
  });

  const state = () => document.querySelector("[data-task-status]");
  const statusOf = (element) => element?.dataset.taskStatus ?? "";
  let status = statusOf(state());

  const tell = (element) => {
    try {
      const { taskName, taskWords } = element.dataset;
      const title = `${taskName}: ${statusOf(element)}`;
      const shown = new Notification(title, { body: taskWords, tag: location.pathname });
      shown.addEventListener("click", () => {
        window.focus();
        shown.close();
      });
    } catch {
      // some browsers know the name and show none from a page
    }
  };

  const look = () => {
    show();
    const element = state();
    const now = statusOf(element);
    const hasChanged = now !== status;
    status = now;
    if (!hasChanged || !isOn) return;
    if (ENDED.has(now) || (now === "paused" && element.dataset.taskHeld)) tell(element);
  };
  document.addEventListener("htmx:after:swap", look);
  show();
})();
