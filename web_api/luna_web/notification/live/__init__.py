"""The live channel: what happens, as it happens, over one WebSocket a screen.

    outbox ─relay─► streams (one script: number, XADD, PUBLISH) ─► feed ─► hub ─► buffer of each socket ─► WebSocket
    robots ─leading process─► positions (pub/sub, newest wins) ────────┘

Pure: `channels`, `audiences`, `cursors`, `frames`, `subscription`, `outgoing`, `hub`, `positions`, `liveness`,
`origins`.
Edges: `streams` and `feed` (Redis), `connection` (WebSocket), `openings` (the channels of one, between both), `live`
(what a process runs of it), `figures` (what it counts).
"""
