// Symbols that stay apart without colour: each has a silhouette of its own. Drawn on a 24 x 24 grid.

const PATHS = {
  available: "M4.5 12.5l5 5L19.5 7",
  occupied: "M12 11.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5c.6-4.4 3.6-6.5 7.5-6.5s6.9 2.1 7.5 6.500z",
  reserved: "M12 3.200a8.8 8.8 0 1 0 0 17.6 8.8 8.8 0 0 0 0-17.600zM12 7.500V12l3.2 2.4",
  cleaning: "M12 3c3.6 4.6 5.6 7.7 5.6 10.700a5.6 5.6 0 0 1-11.2 0C6.4 10.7 8.4 7.6 12 3z",
  contaminated: "M12 3.500L21.5 20.500h-19zM12 10v5M12 17.600v.3",
  out_of_service: "M12 3.200a8.8 8.8 0 1 0 0 17.6 8.8 8.8 0 0 0 0-17.600zM6 6l12 12",
  isolation: "M12 2.800l7.5 3v5.400c0 4.7-3 8.2-7.5 10-4.5-1.8-7.5-5.3-7.5-10V5.800zM12 8v7M8.5 11.500h7",
  child: "M12 9.500a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.400zM3.500 13h17c0 4.700-3.8 8-8.5 8s-8.5-3.300-8.5-8z",
  arrow: "M4 12h15M13 5.500l6.5 6.5-6.5 6.5",
};
const FILLED = new Set(["occupied", "cleaning"]);

/** An SVG element showing `name`; it says nothing to screen readers, the word beside it does. */
export function symbol(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", FILLED.has(name) ? "symbol filled" : "symbol");
  path.setAttribute("d", PATHS[name] ?? PATHS.out_of_service);
  svg.append(path);
  return svg;
}
