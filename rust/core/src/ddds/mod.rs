//! The Dynamic Delegation Discovery System: rules, and which of them to use (RFC 3402, RFC 6116).
//!
//! [`Substitution`] takes a REGEXP field apart, [`ere`] has the regular expressions, [`Rule`] applies the
//! field to an Application Unique String, [`select`] goes through the records of a number, [`lint`] says what is
//! wrong with them.

pub mod ere;
pub mod lint;
mod rule;
pub mod select;
mod substitution;

pub use rule::{MAX_OUTPUT, Rule, Skip};
pub use substitution::{Piece, RuleFault, Substitution};
