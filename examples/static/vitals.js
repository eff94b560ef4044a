// Measures how fast this page was for its visitor, and tells the shop once, when the page is left.
// Bounds of "good" and "poor" as the web-vitals project has them; the server rates by its own.
"use strict";

(() => {
  const BOUNDS = { FCP: [1800, 3000], LCP: [2500, 4000], FID: [100, 300], INP: [200, 500], CLS: [0.1, 0.25], TTFB: [800, 1800] };
  const navigation = performance.getEntriesByType("navigation")[0];
  const found = {};
  let told = false;

  const note = (name, value) => { found[name] = Math.max(0, value); };
  const watch = (type, use, more) => {
    try {
      new PerformanceObserver(list => list.getEntries().forEach(use)).observe({ type, buffered: true, ...more });
    } catch { /* a browser that does not know this kind of entry */ }
  };

  if (navigation && navigation.responseStart > 0) note("TTFB", navigation.responseStart);
  watch("paint", entry => { if (entry.name === "first-contentful-paint") note("FCP", entry.startTime); });
  watch("largest-contentful-paint", entry => note("LCP", entry.startTime));
  watch("first-input", entry => note("FID", entry.processingStart - entry.startTime));
  watch("event", entry => { if (entry.interactionId) note("INP", Math.max(found.INP || 0, entry.duration)); },
    { durationThreshold: 16 });

  // Layout shifts count in windows of at most five seconds with no gap over one; the worst window is the page's.
  let shift = 0, first = 0, last = 0;
  if (PerformanceObserver.supportedEntryTypes?.includes("layout-shift")) note("CLS", 0);
  watch("layout-shift", entry => {
    if (entry.hadRecentInput) return;
    const same = entry.startTime - last < 1000 && entry.startTime - first < 5000;
    shift = same ? shift + entry.value : entry.value;
    first = same ? first : entry.startTime;
    last = entry.startTime;
    note("CLS", Math.max(found.CLS || 0, shift));
  });

  const rating = (name, value) => value <= BOUNDS[name][0] ? "good" : value <= BOUNDS[name][1] ? "needs-improvement" : "poor";
  const tell = () => {
    if (told || !Object.keys(found).length) return;
    told = true;
    const page = `${Date.now()}-${Math.floor(Math.random() * 1e12)}`;
    const samples = Object.entries(found).map(([name, value]) => ({
      name, value, delta: value, id: `${page}-${name}`, rating: rating(name, value),
      navigationType: navigation ? navigation.type : "navigate",
    }));
    navigator.sendBeacon("/api/v1/vitals", JSON.stringify(samples));
  };
  addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") tell(); });
  addEventListener("pagehide", tell);
})();
