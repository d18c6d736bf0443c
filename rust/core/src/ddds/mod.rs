//! The Dynamic Delegation Discovery System: rules, and which of them to use (RFC 3402, RFC 6116).
//!
//! [`Substitution`] takes a REGEXP field apart, [`ere`] has the regular expressions.

pub mod ere;
mod substitution;

pub use substitution::{Piece, RuleFault, Substitution};
