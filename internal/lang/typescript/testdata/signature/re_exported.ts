export { main } from "./other";
