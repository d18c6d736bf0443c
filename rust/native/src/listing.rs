//! `numdip._native.list_ranges`, `list_networks` and `ListPorted`: a plan's rows, for those who write them out.

use std::sync::Mutex;

use numdip_core::number::Number;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::snapshot::Snapshot;

/// Numbers handed over at a time.
const PORTION: usize = 10_000;

/// The ranges of a plan in the order of their digits, those of one prefix by length.
///
/// A list of tuples: prefix, min_length, max_length, country ("" for none), kind ("" for none), portable, and
/// the network as an index of list_networks.
#[pyfunction]
pub(crate) fn list_ranges<'py>(
    py: Python<'py>,
    snapshot: &Bound<'py, Snapshot>,
) -> PyResult<Bound<'py, PyList>> {
    let view = snapshot.get().inner().view();
    let list = PyList::empty(py);
    for (prefix, first) in view.trie.iter() {
        for row in view.ranges_from(first) {
            list.append((
                prefix.digits(),
                row.min_length,
                row.max_length,
                row.country().unwrap_or_default(),
                row.kind().map_or("", |kind| kind.name()),
                row.is_portable(),
                row.network.get(),
            ))?;
        }
    }
    Ok(list)
}

/// The networks that ranges and ported numbers name, layers included.
///
/// A list of tuples: mcc, mnc, operator, spid, rn, rn_context, source; "" where one is unknown.
#[pyfunction]
pub(crate) fn list_networks<'py>(
    py: Python<'py>,
    snapshot: &Bound<'py, Snapshot>,
) -> PyResult<Bound<'py, PyList>> {
    let view = snapshot.get().inner().view();
    let list = PyList::empty(py);
    for row in view.all_networks() {
        let texts = [row.operator, row.spid, row.rn, row.rn_context, row.source];
        let codes = [row.mcc(), row.mnc()].into_iter();
        let fields = codes.chain(texts.map(|id| view.text(id))).map(Option::unwrap_or_default);
        list.append(PyTuple::new(py, fields.collect::<Vec<_>>())?)?;
    }
    Ok(list)
}

//----------- ListPorted -----------------------------------------------------

/// The ported numbers of a plan, layers included, in the order of their digits.
///
/// Iterating gives lists of tuples: digits, and the network as an index of list_networks. It takes 16 octets of
/// memory for each number.
#[pyclass(frozen, module = "numdip._native")]
pub(crate) struct ListPorted {
    rows: Vec<(Number, u32)>,
    next: Mutex<usize>,
}

#[pymethods]
impl ListPorted {
    #[new]
    fn new(py: Python<'_>, snapshot: &Bound<'_, Snapshot>) -> Self {
        let snapshot = snapshot.get().inner();
        let rows = py.detach(|| {
            let view = snapshot.view();
            let mut rows: Vec<_> =
                view.ported.iter().filter_map(|(number, network)| Some((number?, network))).collect();
            rows.sort_unstable();
            rows
        });
        Self { rows, next: Mutex::new(0) }
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self) -> Option<Vec<(String, u32)>> {
        let mut next = self.next.lock().ok()?;
        let portion: Vec<_> = self.rows.iter().skip(*next).take(PORTION).collect();
        *next += portion.len();
        let portion: Vec<_> =
            portion.into_iter().map(|(number, network)| (number.digits(), *network)).collect();
        Some(portion).filter(|portion| !portion.is_empty())
    }

    fn __len__(&self) -> usize {
        self.rows.len()
    }
}
