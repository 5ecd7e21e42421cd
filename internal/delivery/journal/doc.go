// Package journal is a worker's own record of what it was about to send and of
// what it was told: an intent before each final dot, a reply after it. After a
// crash it tells which of the claimed messages were never sent, which were
// answered, and which are in doubt.
//
// What it holds as true: a record is handed to the system with one bare write
// before the call returns, so that it outlives the process whatever kills it;
// it is synced to the disk in groups in the background, so that most of it
// outlives the machine too. Where nothing could have been lost, a message
// without a record was never sent; where something could, it is in doubt. A
// record that is damaged is no record. When an intent cannot be written, the
// caller is told and must not send.
//
// A journal is a folder of segment files that belongs to one worker at a time.
// It leaves the truth to the database: once an outcome is recorded there,
// Checkpoint lets go of it here.
package journal
