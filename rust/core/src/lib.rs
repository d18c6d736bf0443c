//! The pure part of numdip: a telephone number in, the network that serves it out.
//!
//! Nothing here opens a socket, reads a clock or knows Python, and nothing starts a thread but the sorting
//! of a plan's rows. A module uses only modules of lower layers (`tests/rust/layers.rs` checks it):
//!
//! ```text
//! 0  number  dns  uri  tel       what a number is; the octets of a query and a response; URI values; tel URIs
//! 1  trie  index  naptr  apex    longest prefix; exact numbers; NAPTR data; name <-> number
//! 2  ddds  snapshot              rules and the choice of records; the file
//! 3  plan  answer                rows -> file; one dip, and all policy on what it means
//! 4  respond  exchange  bulk     request -> response; the client's half of the same talk; many dips at once
//! ```
//!
//! Read `number`, then `trie`, `snapshot` and `answer` (what a dip is), then `dns` and `respond`
//! (how it goes on the wire), then `plan` (how the file comes to be).

//--- Layer 0
pub mod dns;
pub mod number;
pub mod tel;
pub mod uri;

//--- Layer 1
pub mod apex;
pub mod index;
pub mod naptr;
pub mod trie;

//--- Layer 2
pub mod ddds;
pub mod snapshot;

//--- Layer 3
pub mod answer;
pub mod plan;

//--- Layer 4
pub mod bulk;
pub mod exchange;
pub mod respond;
