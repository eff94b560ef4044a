// What a visitor has seen works without a network too: files first from the cache, the catalogue first from the network.
"use strict";

const FILES = "files-__VERSION__";
const API = "api-__VERSION__";
const KEPT = __KEPT__;
const MOST_ANSWERS = 50;

self.addEventListener("install", event => {
  event.waitUntil(caches.open(FILES).then(cache => cache.addAll(KEPT)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", event => {
  const old = names => Promise.all(names.filter(name => name !== FILES && name !== API).map(name => caches.delete(name)));
  event.waitUntil(caches.keys().then(old).then(() => self.clients.claim()));
});

self.addEventListener("fetch", event => {
  const request = event.request, url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname.startsWith("/static/")) event.respondWith(cacheFirst(request));
  else if (/^\/api\/v1\/(products|categories)(\/|$)/.test(url.pathname)) event.respondWith(networkFirst(request));
  else if (request.mode === "navigate") event.respondWith(fetch(request).catch(() => caches.match("/offline")));
});

async function cacheFirst(request) {
  const kept = await caches.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  // Only what never changes is kept: a plain name would show yesterday's file for ever.
  if (answer.ok && /immutable/.test(answer.headers.get("Cache-Control"))) await keep(FILES, request, answer);
  return answer;
}

async function networkFirst(request) {
  try {
    const answer = await fetch(request);
    if (answer.ok) {
      await keep(API, request, answer);
      await forgetOldest();
    }
    return answer;
  } catch (error) {
    const kept = await caches.match(request);
    if (kept) return kept;
    throw error;
  }
}

async function keep(name, request, answer) {
  const copy = answer.clone();
  await (await caches.open(name)).put(request, copy);
}

async function forgetOldest() {
  const cache = await caches.open(API), requests = await cache.keys();
  await Promise.all(requests.slice(0, Math.max(0, requests.length - MOST_ANSWERS)).map(request => cache.delete(request)));
}
