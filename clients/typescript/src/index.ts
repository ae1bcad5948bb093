export type * from "./frames.js";
export { LiveClient, NotAdmitted, webSocketUrl, type Options, type SocketLike } from "./client.js";
export { Protocol, type Message, type Turn } from "./protocol.js";
