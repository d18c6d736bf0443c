//! POSIX extended regular expressions, as RFC 3402 §3.2 asks for them.
//!
//! The match is the leftmost, of those the longest; in it each part of the expression, from left to right and
//! from outside to inside, takes as much as it can, and a group reports its last iteration or nothing (POSIX.1
//! XSH `regcomp`). Few engines do that, so two others can be asked for what they would do: [`Mode::Glibc`]
//! and [`Mode::Perl`].
//!
//! An expression is parsed into a tree (`syntax`). For POSIX its counted repeats are written out (`program`)
//! and sweeps over subject and program find first the match, then the split of each part (`sweep`,
//! `posix`): time in proportion to both, whatever the expression. The other modes walk a graph
//! (`graph`, `glibc`, `perl`). What a match may cost is counted (`steps`). Subjects are octets; flag `i` is about
//! ASCII letters.

mod alike;
mod bounds;
mod examples;
mod glibc;
mod graph;
mod perl;
mod posix;
mod prefix;
mod program;
#[cfg(test)]
mod reference;
mod set;
mod steps;
mod sweep;
mod syntax;

use std::fmt;
use std::ops::Range;

pub use alike::{Doubt, doubt};
pub use examples::examples;
use graph::Graph;
use program::Program;
pub use steps::MAX_STEPS;
use steps::Steps;

/// The most octets of an expression: it has to fit in a `<character-string>`.
pub const MAX_EXPRESSION: usize = 255;

/// The most octets of a subject.
pub const MAX_SUBJECT: usize = 2048;

/// The octets of the longest AUS of ENUM: `+` and 15 digits. Expressions are made ready for it.
const USUAL_SUBJECT: usize = 16;

/// The most parts that a program or a graph may have, its repeats written out.
const MAX_PARTS: usize = 10_000;

//----------- Mode -----------------------------------------------------------

/// Whose idea of a match to follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The standard's.
    #[default]
    Posix,
    /// `regcomp` and `regexec` of the GNU C library, which softswitches on Linux call: the overall match is
    /// that of POSIX, in it the first alternative wins, and groups keep what earlier iterations took.
    Glibc,
    /// Perl's, and that of PCRE, Python and others: the first alternative that leads to a match wins.
    Perl,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Posix, Self::Glibc, Self::Perl];

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Posix => "posix",
            Self::Glibc => "glibc",
            Self::Perl => "perl",
        }
    }

    /// The mode of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

//----------- Expression -----------------------------------------------------

/// What each group of a match took, the whole match first; `None`: the group took no part.
pub type Groups = Vec<Option<Range<usize>>>;

/// An expression ready to match.
#[derive(Clone, Debug)]
pub struct Expression {
    parsed: syntax::Parsed,
    mode: Mode,
    /// For subjects of up to [`USUAL_SUBJECT`] octets, and for others if no repeat was cut for those.
    program: Program,
    /// Likewise, for modes that follow one path at a time.
    graph: Option<Graph>,
}

impl Expression {
    /// Parses an expression and makes it ready.
    pub fn parse(text: &[u8], mode: Mode, ignore_case: bool) -> Result<Self, ExpressionFault> {
        let parsed = syntax::parse(text, mode, ignore_case)?;
        let program = Program::new(&parsed, USUAL_SUBJECT)?;
        let graph = match mode {
            Mode::Posix => None,
            Mode::Glibc | Mode::Perl => Some(Graph::new(&parsed, mode, USUAL_SUBJECT)?),
        };
        Ok(Self { parsed, mode, program, graph })
    }

    /// How many groups it has.
    pub fn groups(&self) -> usize {
        usize::from(self.parsed.groups)
    }

    /// Looks for the expression in the subject.
    pub fn find(&self, subject: &[u8]) -> Result<Option<Groups>, ExpressionFault> {
        self.find_counted(subject, &mut Steps::default())
    }

    /// How many steps it takes to look for the expression in the subject, the same on every machine; beyond
    /// [`MAX_STEPS`] it is given up.
    pub fn steps(&self, subject: &[u8]) -> usize {
        let mut steps = Steps::default();
        // What comes of it, `find` tells.
        let _ = self.find_counted(subject, &mut steps);
        steps.spent()
    }

    /// Looks for it in no more than these steps, and takes off those that it took.
    ///
    /// For those who match many expressions that others wrote: a single one has its bound, their sum has none.
    pub fn find_within(&self, subject: &[u8], left: &mut usize) -> Result<Option<Groups>, ExpressionFault> {
        let mut steps = Steps::within(*left);
        let found = self.find_counted(subject, &mut steps);
        // To be made ready, which came before, each part took a step.
        *left = left.saturating_sub(steps.spent()).saturating_sub(self.program.len());
        found
    }

    fn find_counted(&self, subject: &[u8], steps: &mut Steps) -> Result<Option<Groups>, ExpressionFault> {
        if subject.len() > MAX_SUBJECT {
            return Err(ExpressionFault::SubjectTooLong { octets: subject.len() });
        }
        let (longer_program, longer_graph);
        let (mut program, mut graph) = (&self.program, self.graph.as_ref());
        if subject.len() > USUAL_SUBJECT && self.program.is_cut() {
            if self.mode != Mode::Perl {
                longer_program = Program::new(&self.parsed, subject.len())?;
                program = &longer_program;
            }
            if graph.is_some() {
                longer_graph = Graph::new(&self.parsed, self.mode, subject.len())?;
                graph = Some(&longer_graph);
            }
        }
        match (self.mode, graph) {
            (Mode::Perl, Some(graph)) => perl::find(&self.parsed, graph, subject, steps),
            (_, Some(graph)) => glibc::find(&self.parsed, program, graph, subject, steps),
            (_, None) => posix::find(program, &self.parsed, subject, steps),
        }
    }
}

/// How many groups an expression has, if it is one.
pub fn count_groups(text: &[u8]) -> Result<u8, ExpressionFault> {
    syntax::parse(text, Mode::Posix, false).map(|parsed| parsed.groups)
}

//----------- ExpressionFault ------------------------------------------------

/// Why an expression cannot be used, or not on that subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpressionFault {
    /// It does not fit in a record.
    TooLong {
        /// How long it is.
        octets: usize,
    },
    /// Parentheses, brackets or escapes do not close.
    Unbalanced {
        /// What was found.
        what: &'static str,
    },
    /// A repeat stands where there is nothing to repeat, as in `^+44`.
    NothingToRepeat {
        /// How many octets stand before it.
        at: usize,
    },
    /// A `{` begins no interval.
    Interval {
        /// How many octets stand before it.
        at: usize,
    },
    /// A range in brackets runs backwards or has no single octet at an end.
    Range,
    /// Brackets name a class or an element that there is not.
    Class,
    /// It refers back to a group.
    BackReference,
    /// Something that is no extended regular expression, or not taken in this mode.
    NotTaken,
    /// Groups or repeats are nested too deeply.
    TooDeep,
    /// Written out, its counted repeats are too many.
    TooLarge,
    /// The subject is too long.
    SubjectTooLong {
        /// How long it is.
        octets: usize,
    },
    /// The match took too many steps.
    TooCostly,
}

impl fmt::Display for ExpressionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { octets } => {
                write!(f, "its expression has {octets} octets, at most {MAX_EXPRESSION} fit in a record")
            }
            Self::Unbalanced { what } => write!(f, "its expression has {what}"),
            Self::NothingToRepeat { at } => write!(
                f,
                "its expression has a repeat with nothing to repeat behind {at} octets: \
                 write \\+ for a plus, \\* for a star"
            ),
            Self::Interval { at } => write!(
                f,
                "its expression has a brace that begins no interval behind {at} octets: \
                 write {{m}}, {{m,}} or {{m,n}} with m <= n <= 255, or \\{{"
            ),
            Self::Range => f.write_str("its expression has a range in brackets that is none"),
            Self::Class => f.write_str("its expression has a class in brackets that does not exist"),
            Self::BackReference => {
                f.write_str("its expression refers back to a group, which extended expressions cannot")
            }
            Self::NotTaken => {
                f.write_str("its expression has something that extended regular expressions do not have")
            }
            Self::TooDeep => f.write_str("its expression nests more than 64 groups and repeats"),
            Self::TooLarge => write!(
                f,
                "its expression has more than {MAX_PARTS} parts with its repeats written out: use smaller counts"
            ),
            Self::SubjectTooLong { octets } => {
                write!(f, "a string of {octets} octets is not matched, at most {MAX_SUBJECT} are")
            }
            Self::TooCostly => write!(f, "its expression takes more than {MAX_STEPS} steps on this string"),
        }
    }
}

impl std::error::Error for ExpressionFault {}

#[cfg(test)]
mod tests;
