//! Which answers of a batch go out together: those of one length to one peer.
//!
//! The kernel takes such answers in one piece and cuts it into datagrams itself (UDP_SEGMENT), which costs it
//! less than as many messages. Here is only the sorting; it allocates nothing.

/// Answers that are sent together; the kernel cuts a message into as many at most.
pub(super) const ANSWERS: usize = 64;

/// The longest answers that go together, in octets: with their headers they fit every IPv6 link (1,280). The
/// kernel refuses to cut where each part would be fragmented again, and cannot cut into empty ones.
pub(super) const MAX_SEGMENT: usize = 1232;

/// The most octets that go together: what a UDP length field holds, headers taken off.
const MAX_TOTAL: usize = 65_000;

/// Places of the table, a power of two; at most half of them are taken.
const TABLE: usize = 2 * ANSWERS;

/// No answer, no group.
const NONE: u8 = u8::MAX;

const _: () = assert!(ANSWERS < NONE as usize);

//----------- Groups ---------------------------------------------------------

/// The answers of one batch in groups.
#[derive(Debug)]
pub(super) struct Groups {
    /// Group by hash of peer and length: the one that is still open.
    table: [u8; TABLE],
    groups: [Group; ANSWERS],
    count: usize,
    /// The answer behind each in its group.
    next: [u8; ANSWERS],
}

/// Answers that go together.
#[derive(Clone, Copy, Debug)]
struct Group {
    first: u8,
    last: u8,
    /// Octets of each.
    length: u16,
    hash: u32,
    count: u8,
}

impl Groups {
    pub(super) fn new() -> Self {
        let group = Group { first: NONE, last: NONE, length: 0, hash: 0, count: 0 };
        Self { table: [NONE; TABLE], groups: [group; ANSWERS], count: 0, next: [NONE; ANSWERS] }
    }

    /// Forgets all answers.
    pub(super) fn clear(&mut self) {
        if self.count > 0 {
            self.table = [NONE; TABLE];
            self.count = 0;
        }
    }

    /// Adds answer `index` of `length` octets to a peer with this `hash`. `same(other)` says whether the
    /// answer `other` has the same peer. Each index is added once at most.
    pub(super) fn add(&mut self, index: usize, length: usize, hash: u32, same: impl Fn(usize) -> bool) {
        let (Ok(index), Ok(octets)) = (u8::try_from(index), u16::try_from(length)) else { return };
        let hash = hash.wrapping_add(u32::from(octets)).wrapping_mul(0x9e37_79b1);
        let mut place = (hash >> 16) as usize % TABLE;
        // Half of the table is free, so this ends.
        while let Some(&group) = self.table.get(place) {
            if group == NONE {
                break;
            }
            if let Some(group) = self.groups.get_mut(usize::from(group)) {
                let is_its = group.hash == hash && group.length == octets && same(usize::from(group.first));
                if is_its
                    && (1..=MAX_SEGMENT).contains(&length)
                    && (usize::from(group.count) + 1) * length <= MAX_TOTAL
                {
                    if let Some(next) = self.next.get_mut(usize::from(group.last)) {
                        *next = index;
                    }
                    group.last = index;
                    group.count += 1;
                    return;
                }
                if is_its {
                    // Full: the new group takes its place.
                    break;
                }
            }
            place = (place + 1) % TABLE;
        }
        let group = Group { first: index, last: index, length: octets, hash, count: 1 };
        if let (Some(at), Some(taken)) = (self.groups.get_mut(self.count), self.table.get_mut(place)) {
            (*at, *taken) = (group, self.count as u8);
            self.count += 1;
        }
    }

    /// The groups, in the order of their first answers.
    pub(super) fn iter(&self) -> impl Iterator<Item = Answers<'_>> {
        self.groups.iter().take(self.count).map(|group| Answers { next: &self.next, group })
    }
}

/// The answers of one group, by their indices.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answers<'a> {
    next: &'a [u8; ANSWERS],
    group: &'a Group,
}

impl<'a> Answers<'a> {
    pub(super) fn first(&self) -> usize {
        self.group.first.into()
    }

    /// How many they are.
    pub(super) fn count(&self) -> usize {
        usize::from(self.group.count)
    }

    /// Octets of each.
    pub(super) fn length(&self) -> u16 {
        self.group.length
    }

    /// The indices, in the order in which they were added.
    pub(super) fn indices(self) -> impl Iterator<Item = usize> + 'a {
        let behind = move |index: &usize| self.next.get(*index).copied().map(usize::from);
        std::iter::successors(Some(self.first()), behind).take(self.count())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_answer_goes_out_once_with_its_like(
            answers in prop::collection::vec((0..6u32, prop::sample::select(vec![0, 40, 41, 1_232, 1_233, 4_096])), 0..=ANSWERS),
            alike: bool,
        ) {
            let mut groups = Groups::new();
            for _ in 0..2 {
                groups.clear();
                for (index, (peer, length)) in answers.iter().enumerate() {
                    // With one hash for all peers, too.
                    let hash = if alike { 7 } else { *peer };
                    groups.add(index, *length, hash, |other| answers[other].0 == *peer);
                }
            }
            let mut seen = Vec::new();
            for group in groups.iter() {
                let indices: Vec<usize> = group.indices().collect();
                prop_assert_eq!(indices.len(), group.count());
                prop_assert_eq!(Some(&group.first()), indices.first());
                prop_assert!(indices.is_sorted());
                prop_assert!(indices.iter().all(|index| answers[*index] == answers[group.first()]));
                let length = answers[group.first()].1;
                prop_assert_eq!(usize::from(group.length()), length);
                prop_assert!(group.count() == 1 || (1..=MAX_SEGMENT).contains(&length) && group.count() * length <= MAX_TOTAL);
                seen.extend(indices);
            }
            seen.sort_unstable();
            prop_assert_eq!((0..answers.len()).collect::<Vec<_>>(), seen);
            // No more groups than there are peers and lengths, but for the empty, the long and the full ones.
            let short = 1..100;
            let kinds: std::collections::BTreeSet<_> =
                answers.iter().filter(|(_, length)| short.contains(length)).collect();
            let short = groups.iter().filter(|group| short.contains(&group.length().into())).count();
            prop_assert_eq!(kinds.len(), short);
        }
    }
}
