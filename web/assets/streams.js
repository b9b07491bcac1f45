// One worker for all tabs of this browser. It shares event streams between them and limits how many are open,
// so that pages always load: over HTTP/1.1 a browser opens only six connections to a server. Hidden tabs have
// no stream; a tab that is shown again resumes after the last event it received. If more are shown than there
// are streams, they take turns.
"use strict";
const STREAMS_MAX = 3;
const TURN_MS = 5_000;
const GONE_MS = 180_000; // tabs report every minute

const tabs = new Map(); // port → { address, isShown, heardAt }
const streams = new Map(); // address → EventSource
const lastIds = new Map(); // address → the last event's id
let turns = []; // addresses of shown tabs; the first ones have a stream

const tell = (address, news) => { for (const [port, tab] of tabs) if (tab.address === address && tab.isShown) port.postMessage(news); };

const begin = (address) => {
  const last = lastIds.get(address);
  const source = new EventSource(`${address}${address.includes("?") ? "&" : "?"}last_event_id=${encodeURIComponent(last)}`);
  streams.set(address, source);
  const heard = (event) => { if (event.lastEventId) lastIds.set(address, event.lastEventId); };
  source.onmessage = heard;
  source.onopen = () => tell(address, { is: "on" });
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) { tell(address, { is: "waiting" }); return; }
    // Refused: not retried until a tab asks for it again.
    tell(address, { is: "refused" });
    for (const tab of tabs.values()) if (tab.address === address) tab.isShown = false;
    arrange();
  };
  source.addEventListener("interaction", (event) => { heard(event); tell(address, { is: "interaction", data: event.data }); });
  source.addEventListener("gap", (event) => { heard(event); tell(address, { is: "gap" }); });
};

const arrange = () => {
  for (const [port, tab] of tabs) if (performance.now() - tab.heardAt > GONE_MS) tabs.delete(port);
  const shown = new Set([...tabs.values()].filter((tab) => tab.isShown).map((tab) => tab.address));
  turns = [...turns.filter((address) => shown.delete(address)), ...shown];
  const running = turns.slice(0, STREAMS_MAX);
  for (const [address, source] of streams) {
    if (running.includes(address)) continue;
    source.close();
    streams.delete(address);
    tell(address, { is: "waiting" });
  }
  for (const address of running) if (!streams.has(address)) begin(address);
  const known = new Set([...tabs.values()].map((tab) => tab.address));
  for (const address of lastIds.keys()) if (!known.has(address)) lastIds.delete(address);
};

setInterval(() => {
  if (turns.length > STREAMS_MAX) turns.push(turns.shift());
  arrange();
}, TURN_MS);

addEventListener("connect", ({ ports: [port] }) => {
  port.onmessage = ({ data: { address, point, isShown, isLeaving } }) => {
    if (isLeaving) tabs.delete(port);
    else {
      tabs.set(port, { address, isShown, heardAt: performance.now() });
      if (!lastIds.has(address)) lastIds.set(address, point);
    }
    arrange();
    if (isShown && streams.get(address)?.readyState === EventSource.OPEN) port.postMessage({ is: "on" });
  };
});
