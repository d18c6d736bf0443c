//! The tree with its repeats written out: what sweeps run over.

use super::syntax::{Assert, Parsed, Tree};
use super::{ExpressionFault, MAX_PARTS};

/// A part and all that is in it; a part stands behind what is in it.
pub(super) type Part = u32;

//----------- Program --------------------------------------------------------

/// The parts of an expression, each behind those that it consists of.
#[derive(Clone, Debug)]
pub(super) struct Program {
    nodes: Vec<Node>,
    /// Lists of parts that nodes refer to.
    lists: Vec<Part>,
    /// Whether a repeat was cut to what a subject of the given length can need.
    cut: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// The first of the parts that it consists of, itself if there is no other.
    pub(super) first: Part,
    /// Whether there is a group in it.
    pub(super) groups: bool,
}

/// What a part is. Lists are ranges of [`Program::list`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Empty,
    Set(u16),
    Assert(Assert),
    Group(u8, Part),
    Concat(List),
    Alt(List),
    /// Iterations one after the other: the first `min` are a must. If `endless`, the last comes again and again.
    Repeat {
        copies: List,
        min: u16,
        endless: bool,
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    start: u32,
    end: u32,
}

impl Program {
    /// Writes an expression out for subjects of at most `longest` octets.
    pub(super) fn new(parsed: &Parsed, longest: usize) -> Result<Self, ExpressionFault> {
        let mut program = Self { nodes: Vec::new(), lists: Vec::new(), cut: false };
        program.add(&parsed.tree, longest)?;
        Ok(program)
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// How many parts there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The whole expression.
    pub(super) fn root(&self) -> Part {
        (self.nodes.len() as Part).saturating_sub(1)
    }

    /// The parts from `first` to `last`, both included.
    pub(super) fn nodes(&self, first: Part, last: Part) -> &[Node] {
        self.nodes.get(first as usize..=last as usize).unwrap_or_default()
    }

    pub(super) fn node(&self, part: Part) -> Option<&Node> {
        self.nodes.get(part as usize)
    }

    pub(super) fn list(&self, list: List) -> &[Part] {
        self.lists.get(list.start as usize..list.end as usize).unwrap_or_default()
    }

    fn add(&mut self, tree: &Tree, longest: usize) -> Result<Part, ExpressionFault> {
        let first = self.nodes.len() as Part;
        let kind = match tree {
            Tree::Empty => Kind::Empty,
            Tree::Set(set) => Kind::Set(*set),
            Tree::Assert(assert) => Kind::Assert(*assert),
            Tree::Group(number, body) => Kind::Group(*number, self.add(body, longest)?),
            Tree::Concat(trees) => Kind::Concat(self.add_all(trees.iter(), longest)?),
            Tree::Alt(trees) => Kind::Alt(self.add_all(trees.iter(), longest)?),
            Tree::Repeat { body, min, max, .. } => {
                // n octets bear n iterations that take something. More than n are needed only by a minimum, of
                // which one beyond n shows all: either the body takes nothing, or there is no match.
                let cut_min = (*min).min(longest.saturating_add(1).try_into().unwrap_or(u16::MAX));
                let cut_max =
                    max.map(|max| max.min(longest.try_into().unwrap_or(u16::MAX)).max(cut_min).max(1));
                self.cut |= cut_min < *min || max.is_some_and(|max| cut_max < Some(max));
                let copies = cut_max.unwrap_or(cut_min.max(1));
                let bodies = std::iter::repeat_n(&**body, usize::from(copies));
                Kind::Repeat { copies: self.add_all(bodies, longest)?, min: cut_min, endless: max.is_none() }
            }
        };
        let inside = self.nodes.get(first as usize..).unwrap_or_default();
        let groups = matches!(kind, Kind::Group(..)) || inside.iter().any(|node| node.groups);
        self.push(Node { kind, first, groups })
    }

    fn add_all<'a>(
        &mut self,
        trees: impl Iterator<Item = &'a Tree>,
        longest: usize,
    ) -> Result<List, ExpressionFault> {
        let parts = trees.map(|tree| self.add(tree, longest)).collect::<Result<Vec<_>, _>>()?;
        let start = self.lists.len() as u32;
        self.lists.extend(parts);
        Ok(List { start, end: self.lists.len() as u32 })
    }

    fn push(&mut self, node: Node) -> Result<Part, ExpressionFault> {
        if self.nodes.len() >= MAX_PARTS {
            return Err(ExpressionFault::TooLarge);
        }
        self.nodes.push(node);
        Ok(self.root())
    }
}
