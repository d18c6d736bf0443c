//! Records of names that stand for no number: the SRV, address and other records that NAPTR records lead to.

use std::collections::HashMap;

use crate::dns::TYPE_CNAME;
use crate::snapshot::record_sets::RecordSets;

//----------- Names ----------------------------------------------------------

/// The names of a snapshot, in lower case, with the types and sets of their records.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<Box<[u8]>, Vec<(u16, u32)>>);

impl Names {
    pub(super) fn new(sets: &RecordSets<'_>) -> Self {
        let mut names: HashMap<Box<[u8]>, Vec<(u16, u32)>> = HashMap::new();
        for entry in sets.names() {
            names.entry(entry.name.into()).or_default().push((entry.rtype, entry.set));
        }
        Self(names)
    }

    /// `None`: there is no such name. `Some(None)`: it has no records of this type. A name with a CNAME record
    /// has that for every type (RFC 1034 §3.6.2).
    pub(super) fn find(&self, name: &[u8], rtype: u16) -> Option<Option<u32>> {
        if self.0.is_empty() {
            return None;
        }
        let sets = self.0.get(name.to_ascii_lowercase().as_slice())?;
        let of_type = |wanted| sets.iter().find(|(rtype, _)| *rtype == wanted).map(|(_, set)| *set);
        Some(of_type(rtype).or_else(|| of_type(TYPE_CNAME)))
    }
}
