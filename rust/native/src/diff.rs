//! `numdip._native.diff`: what is different in two plans.

use std::collections::BTreeMap;

use numdip_core::plan::diff::{self as core_diff, Changes};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::snapshot::Snapshot;

/// Compares two plans.
///
/// A dict with ported and ranges, each a list of dicts with country (ISO 3166-1 alpha-2, "" for none),
/// network (in words), added, removed, changed_to and changed_from; and examples: dicts with subject (a
/// number or a prefix), before and after (networks in words, None where the plan says nothing), at most so
/// many of numbers and as many of prefixes. Takes time in proportion to both plans' ported numbers.
#[pyfunction]
#[pyo3(signature = (before, after, *, examples = 10))]
pub(crate) fn diff<'py>(
    py: Python<'py>,
    before: &Bound<'py, Snapshot>,
    after: &Bound<'py, Snapshot>,
    examples: usize,
) -> PyResult<Bound<'py, PyDict>> {
    let (before, after) = (before.get().inner(), after.get().inner());
    let found = py.detach(|| core_diff::diff(&before.view(), &after.view(), examples));
    let dict = PyDict::new(py);
    dict.set_item("ported", changes(py, &found.ported)?)?;
    dict.set_item("ranges", changes(py, &found.ranges)?)?;
    let list = PyList::empty(py);
    for example in found.examples {
        let row = PyDict::new(py);
        row.set_item("subject", example.subject)?;
        row.set_item("before", example.before)?;
        row.set_item("after", example.after)?;
        list.append(row)?;
    }
    dict.set_item("examples", list)?;
    Ok(dict)
}

fn changes<'py>(
    py: Python<'py>,
    counted: &BTreeMap<(String, String), Changes>,
) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for ((country, network), changes) in counted {
        let row = PyDict::new(py);
        row.set_item("country", country)?;
        row.set_item("network", network)?;
        row.set_item("added", changes.added)?;
        row.set_item("removed", changes.removed)?;
        row.set_item("changed_to", changes.changed_to)?;
        row.set_item("changed_from", changes.changed_from)?;
        list.append(row)?;
    }
    Ok(list)
}
