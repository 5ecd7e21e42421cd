// Package api is the HTTP interface for other programs under /api/v1/: events
// and contacts go in, contacts, segments, campaigns and messages can be read.
// Its description is at /api/v1/openapi.json.
//
// What it holds as true: a request carries a key as "Authorization: Bearer
// rpk_…", and the key has the scope that the operation names; what is answered
// with 2xx is durable; an error is a problem (RFC 9457) whose detail says what
// to do, and names each faulty entry of a list by its place; good entries
// beside faulty ones are stored, and sending all of them again is harmless.
//
// What it leaves to others: making keys (the command line) and what an event
// leads to (scheduler, relationship).
package api
