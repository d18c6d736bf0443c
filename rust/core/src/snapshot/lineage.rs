//! Where a file stands in the history of its plan: the lineage section.

use std::fmt;

use xxhash_rust::xxh3::Xxh3;
use zerocopy::byteorder::little_endian::{I64, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The most layers that a plan sees: one a minute for eight thousand years.
const MAX_SEQUENCE: u64 = u32::MAX as u64;

//----------- Time -----------------------------------------------------------

/// Seconds since 1970-01-01, 00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// Of a plan whose time nobody noted.
    pub const UNKNOWN: Self = Self(0);
    /// The last second of the year 9999, the end of what calendars of programs know.
    pub const LAST: Self = Self(253_402_300_799);

    /// Whether this is a time at all.
    pub fn is_known(self) -> bool {
        self != Self::UNKNOWN
    }
}

/// `2026-03-01T00:00:00Z` (RFC 3339).
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0.div_euclid(86_400), self.0.rem_euclid(86_400));
        // Years that begin in March have their odd day at the end, eras of 400 years are all alike.
        let shifted = days + 719_468;
        let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let from_march = (5 * day + 2) / 153;
        let (day, month) = (day - (153 * from_march + 2) / 5 + 1, (from_march + 2) % 12 + 1);
        let year = era * 400 + year + i64::from(month <= 2);
        let (hour, minute) = (second / 3_600, second / 60 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
    }
}

//----------- Role -----------------------------------------------------------

/// What a snapshot file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Role {
    /// A whole plan.
    Plan = 1,
    /// Changes to the ported numbers of a plan.
    Layer,
    /// What those numbers were before, kept when layers are folded into their plan.
    Undo,
}

impl Role {
    fn of(number: u32) -> Option<Self> {
        [Self::Plan, Self::Layer, Self::Undo].into_iter().find(|role| *role as u32 == number)
    }
}

//----------- Lineage --------------------------------------------------------

/// The lineage section, 40 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Lineage {
    role: U32,
    zero: U32,
    sequence: U64,
    time: I64,
    state: U64,
    parent: U64,
}

impl Lineage {
    /// Of a whole plan that has no past. Its state is derived when it is written.
    pub fn plan(time: Time) -> Self {
        Self::new(Role::Plan, 0, time, 0, 0)
    }

    /// Of a plan that holds all layers up to the one with this sequence number, time and state.
    pub fn folded(sequence: u64, time: Time, state: u64) -> Self {
        Self::new(Role::Plan, sequence, time, state, 0)
    }

    /// Of a layer on the plan in state `parent`. Its state is derived when it is written.
    pub fn layer(sequence: u64, time: Time, parent: u64) -> Self {
        Self::new(Role::Layer, sequence, time, 0, parent)
    }

    /// Of an undo that leads from the plan in state `parent` back to `before`.
    pub fn undo(before: &Self, parent: u64) -> Self {
        Self::new(Role::Undo, before.sequence(), before.time(), before.state(), parent)
    }

    fn new(role: Role, sequence: u64, time: Time, state: u64, parent: u64) -> Self {
        Self {
            role: U32::new(role as u32),
            zero: U32::ZERO,
            sequence: U64::new(sequence),
            time: I64::new(time.0),
            state: U64::new(state),
            parent: U64::new(parent),
        }
    }

    /// What the file is; `None` where that cannot be.
    pub fn role(&self) -> Option<Role> {
        Role::of(self.role.get())
    }

    /// How many layers have gone into the state after this file. An undo has that of the state it
    /// leads back to.
    pub fn sequence(&self) -> u64 {
        self.sequence.get()
    }

    /// From when on the plan is as this file has it.
    pub fn time(&self) -> Time {
        Time(self.time.get())
    }

    /// Which plan there is after this file: equal plans have equal states, others have others.
    pub fn state(&self) -> u64 {
        self.state.get()
    }

    /// The state that this file applies to; 0 for a whole plan.
    pub fn parent(&self) -> u64 {
        self.parent.get()
    }

    /// With its state, which is derived from its parent and the checksums of the other sections unless
    /// it is there already.
    pub(super) fn settled(self, checksums: impl Iterator<Item = u64>) -> Self {
        if self.state() != 0 {
            return self;
        }
        let mut hash = Xxh3::new();
        hash.update(self.parent.as_bytes());
        checksums.for_each(|checksum| hash.update(&checksum.to_le_bytes()));
        // 0 says that there is no state.
        Self { state: U64::new(hash.digest().max(1)), ..self }
    }

    /// What does not hold in it, if anything.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let is_layer = match self.role() {
            None => return Some("it is of no kind that this version knows"),
            Some(Role::Plan) => false,
            Some(Role::Layer | Role::Undo) => true,
        };
        if self.sequence() > MAX_SEQUENCE {
            return Some("its sequence number is too great");
        }
        let times = Time::UNKNOWN..=Time::LAST;
        if !times.contains(&self.time()) {
            return Some("its time is none of 1970 to 9999");
        }
        let is_whole = self.zero.get() == 0 && self.state() != 0 && (self.parent() != 0) == is_layer;
        (!is_whole).then_some("its states cannot be")
    }
}
