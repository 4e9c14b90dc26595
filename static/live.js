// Follows a run: what takes time is counted here, and the site is asked only for what is new.
(() => {
  "use strict";

  // Elapsed times go on between two answers: data-since is in seconds since 1970.
  const words = (seconds) => {
    const whole = Math.max(Math.round(seconds), 0);
    const two = (number) => String(number).padStart(2, "0");
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
    return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  };
  const count = () => {
    for (const element of document.querySelectorAll("[data-since]")) {
      const text = words(Date.now() / 1000 - Number(element.dataset.since));
      if (element.textContent !== text) element.textContent = text;
    }
  };
  count();
  setInterval(count, 1000);
  document.addEventListener("htmx:after:swap", count);

  // The last answer's mark goes with the next question; nothing new comes back as 304.
  const isPoll = (ctx) => ctx.sourceElement?.id === "live";
  let etag = "";
  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    if (isPoll(ctx) && etag) ctx.request.headers["If-None-Match"] = etag;
  });
  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    if (isPoll(ctx) && ctx.response.status === 200) {
      etag = ctx.response.headers.get("ETag") ?? "";
    }
  });
})();
