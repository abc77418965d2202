// A chime and a spoken call. Off until somebody switches them on, or `?sound=on` does; speech needs `?speech=on` too.
// Browsers keep sound back until the page was touched once, unless the kiosk was started with
// --autoplay-policy=no-user-gesture-required.

import { byId, write } from "./dom.js";
import { switchedOn } from "./frame.js";
import { language, text } from "./texts.js";

const NOTES = [[659.25, 0], [523.25, 0.28]]; // Hz, seconds after the start
let on = switchedOn("sound");
let audio = null;

/** Wire the button that switches sound. */
export function offerSound() {
  const button = byId("sound");
  const show = () => {
    write(button, text(on ? "sound_on" : "sound_off"));
    button.setAttribute("aria-pressed", String(on));
  };
  button.addEventListener("click", () => {
    on = !on;
    show();
    if (on) chime();
  });
  show();
}

/** Draw attention to a call: in the languages of the clinic one after the other, else in that of this screen. */
export function announce(label, counter, announcements) {
  if (!on) return;
  chime();
  if (!switchedOn("speech")) return;
  if (!announcements.length) speak(text("announce", { label, counter }), language);
  for (const said of announcements) {
    speak(said.text.replaceAll("{label}", label).replaceAll("{counter}", counter), said.language);
  }
}

function chime() {
  audio ??= new AudioContext();
  audio.resume();
  for (const [frequency, after] of NOTES) ring(frequency, audio.currentTime + after);
}

function ring(frequency, at) {
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  tone.frequency.value = frequency;
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(0.35, at + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.001, at + 1.2);
  tone.connect(volume).connect(audio.destination);
  tone.start(at);
  tone.stop(at + 1.3);
}

function speak(words, lang) {
  if (!("speechSynthesis" in window)) return;
  const spoken = new SpeechSynthesisUtterance(words);
  spoken.lang = lang;
  spoken.rate = 0.9;
  speechSynthesis.speak(spoken);
}
