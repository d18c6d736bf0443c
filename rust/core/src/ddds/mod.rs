//! The Dynamic Delegation Discovery System: rules, and which of them to use (RFC 3402, RFC 6116).
//!
//! [`Substitution`] takes a REGEXP field apart, [`ere`] has the regular expressions, [`Rule`] applies the
//! field to an Application Unique String, [`walk`] goes through the records of a number, a service or a SIP URI,
//! [`lint`] says what is wrong with them.

pub mod ere;
mod explain;
pub mod lint;
mod rule;
mod substitution;
pub mod walk;

pub use explain::Explained;
pub use rule::{MAX_OUTPUT, Rule, Skip};
pub use substitution::{Piece, RuleFault, Substitution};
