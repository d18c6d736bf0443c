//! Which answers of a batch go out together: those of one length to one peer, and behind them a shorter one.
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
    /// Octets of each, but for a last one that is shorter.
    length: u16,
    /// Of peer and length.
    hash: u32,
    /// Of the peer alone.
    peer: u32,
    count: u8,
    /// Whether the last one is shorter.
    ended: bool,
}

impl Groups {
    pub(super) fn new() -> Self {
        let group = Group { first: NONE, last: NONE, length: 0, hash: 0, peer: 0, count: 0, ended: false };
        Self { table: [NONE; TABLE], groups: [group; ANSWERS], count: 0, next: [NONE; ANSWERS] }
    }

    /// Forgets all answers.
    pub(super) fn clear(&mut self) {
        if self.count > 0 {
            self.table = [NONE; TABLE];
            self.count = 0;
        }
    }

    /// Adds answer `index` of `length` octets to the peer with this hash. `same(other)` says whether the
    /// answer `other` has the same peer. Each index is added once at most.
    pub(super) fn add(&mut self, index: usize, length: usize, peer: u32, same: impl Fn(usize) -> bool) {
        let (Ok(index), Ok(octets)) = (u8::try_from(index), u16::try_from(length)) else { return };
        let hash = peer.wrapping_add(u32::from(octets)).wrapping_mul(0x9e37_79b1);
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
        let group = Group { first: index, last: index, length: octets, hash, peer, count: 1, ended: false };
        if let (Some(at), Some(taken)) = (self.groups.get_mut(self.count), self.table.get_mut(place)) {
            (*at, *taken) = (group, self.count as u8);
            self.count += 1;
        }
    }

    /// Lets each answer that would go alone end a group of longer ones to the same peer, if there is one: of what
    /// it cuts, the kernel lets the last part be shorter. `same(a, b)` says whether two answers have one peer.
    ///
    /// One in ten answers may be a miss, shorter than the hits: without this it would cost a message of its own.
    pub(super) fn join(&mut self, same: impl Fn(usize, usize) -> bool) {
        let groups = self.groups.iter().take(self.count);
        if self.count < 2 || !groups.clone().any(|group| group.count == 1) {
            return;
        }
        // The group of the longest answers to each peer; all answers have been added.
        self.table = [NONE; TABLE];
        for (index, group) in groups.enumerate().filter(|(_, group)| group.can_be_cut()) {
            let place = self.place_of(group, &same);
            let longest = place.and_then(|place| self.table.get_mut(place));
            if let Some(longest) = longest {
                match self.groups.get(usize::from(*longest)) {
                    Some(other) if other.length >= group.length => {}
                    _ => *longest = index as u8,
                }
            }
        }
        for index in 0..self.count {
            let Some(single) = self.groups.get(index).copied().filter(|group| group.count == 1) else {
                continue;
            };
            let place = self.place_of(&single, &same).filter(|_| single.can_be_cut());
            let longest = place.and_then(|place| self.table.get(place)).map(|longest| usize::from(*longest));
            let Some(group) = longest.and_then(|longest| self.groups.get_mut(longest)) else { continue };
            let total = usize::from(group.count) * usize::from(group.length) + usize::from(single.length);
            if group.length <= single.length || group.ended || total > MAX_TOTAL {
                continue;
            }
            if let Some(next) = self.next.get_mut(usize::from(group.last)) {
                *next = single.first;
            }
            (group.last, group.count, group.ended) = (single.first, group.count + 1, true);
            if let Some(joined) = self.groups.get_mut(index) {
                joined.count = 0;
            }
        }
    }

    /// Where the table has, or would have, a group to the peer of this one.
    fn place_of(&self, group: &Group, same: &impl Fn(usize, usize) -> bool) -> Option<usize> {
        let first = (group.peer.wrapping_mul(0x9e37_79b1) >> 16) as usize;
        (first..first + TABLE).map(|place| place % TABLE).find(|place| {
            let other = self.table.get(*place).and_then(|other| self.groups.get(usize::from(*other)));
            other.is_none_or(|other| {
                other.peer == group.peer && same(usize::from(other.first), usize::from(group.first))
            })
        })
    }

    /// The groups, in the order of their first answers.
    pub(super) fn iter(&self) -> impl Iterator<Item = Answers<'_>> + Clone {
        let groups = self.groups.iter().take(self.count).filter(|group| group.count > 0);
        groups.map(|group| Answers { next: &self.next, group })
    }
}

impl Group {
    fn can_be_cut(&self) -> bool {
        (1..=MAX_SEGMENT).contains(&usize::from(self.length))
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

    /// Octets of each; the last one may have fewer.
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
            joined: bool,
        ) {
            let mut groups = Groups::new();
            for _ in 0..2 {
                groups.clear();
                for (index, (peer, length)) in answers.iter().enumerate() {
                    // With one hash for all peers, too.
                    let hash = if alike { 7 } else { *peer };
                    groups.add(index, *length, hash, |other| answers[other].0 == *peer);
                }
                if joined {
                    groups.join(|a, b| answers[a].0 == answers[b].0);
                }
            }
            let mut seen = Vec::new();
            for group in groups.iter() {
                let indices: Vec<usize> = group.indices().collect();
                prop_assert_eq!(indices.len(), group.count());
                prop_assert_eq!(Some(&group.first()), indices.first());
                let (peer, length) = answers[group.first()];
                let Some((last, others)) = indices.split_last() else { panic!("an empty group") };
                prop_assert!(others.is_sorted() && (joined || indices.is_sorted()));
                prop_assert!(others.iter().all(|index| answers[*index] == (peer, length)));
                prop_assert!(answers[*last] == (peer, length) || joined && answers[*last].0 == peer && (1..length).contains(&answers[*last].1));
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
            if !joined {
                prop_assert_eq!(kinds.len(), short);
                return Ok(());
            }
            // Of each peer's lengths only the longest has a group behind which a single one could have gone.
            for kind in kinds.iter().copied() {
                let of_peer = answers.iter().filter(|(peer, length)| *peer == kind.0 && (1..=MAX_SEGMENT).contains(length));
                let longest = of_peer.map(|(_, length)| *length).max();
                let is_alone = answers.iter().filter(|other| *other == kind).count() == 1;
                let short_ones = kinds.iter().filter(|(peer, _)| *peer == kind.0).count();
                if is_alone && short_ones == 1 && longest > Some(kind.1) {
                    prop_assert!(!groups.iter().any(|group| answers[group.first()] == *kind), "goes alone");
                }
            }
        }
    }
}
