// The frames of LUNA's live channel. Made by `python -m luna_web.notification.live.typescript`; do not edit.

/** The first message where the token is not among the subprotocols; later: a fresh token before the old one ends. */
export interface Auth {
  op: "auth";
  token: string;
}

export interface Ping {
  op: "ping";
}

export interface Pong {
  op: "pong";
}

/** `cursors`: where the client stands in channels that it had before. */
export interface Subscribe {
  op: "subscribe";
  channels: string[];
  cursors?: Record<string, string>;
}

export interface Unsubscribe {
  op: "unsubscribe";
  channels: string[];
}

/** `expires_at`: by then a fresh token must have come; `expires_in` seconds, for clients whose clocks are wrong. */
export interface Authenticated {
  op: "authenticated";
  user_id: string;
  role: string;
  expires_at: string;
  expires_in: number;
}

/** Every `error.code` that an answer can carry: a closed list. */
export type ErrorCode = "VALIDATION_ERROR" | "MALFORMED_JSON" | "NOT_FOUND" | "METHOD_NOT_ALLOWED" | "NOT_ACCEPTABLE" | "UNSUPPORTED_MEDIA_TYPE" | "CONFLICT" | "PRECONDITION_FAILED" | "PRECONDITION_REQUIRED" | "UNAUTHENTICATED" | "TOKEN_EXPIRED" | "TOKEN_REUSED" | "INVALID_CREDENTIALS" | "TOO_MANY_ATTEMPTS" | "ACCOUNT_DISABLED" | "EMAIL_UNVERIFIED" | "FORBIDDEN" | "EMAIL_TAKEN" | "WEAK_PASSWORD" | "RESET_TOKEN_INVALID" | "VERIFICATION_TOKEN_INVALID" | "LAST_ADMIN" | "USER_IN_USE" | "ISBN_TAKEN" | "ISBN_INVALID" | "BARCODE_TAKEN" | "BOOK_NOT_AVAILABLE" | "BOOK_IN_USE" | "WRONG_BOOK" | "ALREADY_REQUESTED" | "LIMIT_REACHED" | "HANDOVER_PENDING" | "UNKNOWN_LOCATION" | "LOCATION_INACTIVE" | "ILLEGAL_TRANSITION" | "NOT_RENEWABLE" | "NOT_BORROWED_BY_YOU" | "ROBOT_NOT_AT_STOP" | "ROBOT_OFFLINE" | "ROBOT_ESTOPPED" | "NO_ROBOT_AVAILABLE" | "WAYPOINT_IN_USE" | "IDEMPOTENCY_KEY_REUSED" | "REQUEST_IN_PROGRESS" | "RATE_LIMITED" | "PAYLOAD_TOO_LARGE" | "UPLOAD_INCOMPLETE" | "DEPENDENCY_UNAVAILABLE" | "INTERNAL_ERROR";

/** Something that happened; `payload.version` orders what is told of one thing. */
export interface Event {
  op: "event";
  channel: string;
  cursor: string;
  eventId: string;
  eventType: string;
  timestamp: string;
  source: string;
  payload: Record<string, unknown>;
}

/** `channel` is absent where the whole message was not understood. */
export interface Refused {
  op: "error";
  code: ErrorCode;
  message: string;
  channel?: string | null;
}

/** What was missed is gone from the buffer: a `subscribed` with a snapshot follows. */
export interface Resync {
  op: "resync";
  channel: string;
}

/** To be answered with a pong. */
export interface ServerPing {
  op: "ping";
}

export interface ServerPong {
  op: "pong";
}

/** Where robots are now. The newest alone counts. */
export interface State {
  op: "state";
  channel: string;
  payload: Record<string, unknown>;
}

/** With `snapshot`: the state at `cursor`. Without: what was missed since `cursor` follows as events. */
export interface Subscribed {
  op: "subscribed";
  channel: string;
  cursor: string;
  snapshot?: Record<string, unknown> | null;
}

export interface Unsubscribed {
  op: "unsubscribed";
  channel: string;
}

export type ClientFrame = Auth | Subscribe | Unsubscribe | Ping | Pong;

export type ServerFrame = Authenticated | Subscribed | Unsubscribed | Event | State | Resync | Refused | ServerPing | ServerPong;
