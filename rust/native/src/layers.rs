//! `numdip._native.LayerBuilder`: Arrow streams of changes → checked rows → a layer; and `compact`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use numdip_core::plan::compact::{self as core_compact, History};
use numdip_core::plan::delta::{DeltaBuilder, DeltaFields, DeltaReport};
use numdip_core::snapshot::{Memory, Snapshot, append};
use pyo3::prelude::*;
use pyo3_arrow::PyRecordBatchReader;

use crate::errors::Fault;
use crate::plan::{Column, PortedColumns, add_batches, ended, in_calendar, policy};

//----------- LayerBuilder ---------------------------------------------------

/// Checks changes to the ported numbers of the plan at path and writes what they change as a layer.
///
/// on_error and on_duplicate as for PlanBuilder. Raises SnapshotError when the plan cannot be opened.
#[pyclass(frozen, module = "numdip._native")]
pub(crate) struct LayerBuilder {
    /// Gone once written.
    inner: Mutex<Option<DeltaBuilder>>,
}

#[pymethods]
impl LayerBuilder {
    #[new]
    #[pyo3(signature = (path, *, on_error = "fail", on_duplicate = "fail"))]
    fn new(py: Python<'_>, path: PathBuf, on_error: &str, on_duplicate: &str) -> Result<Self, Fault> {
        let policy = policy(on_error, on_duplicate)?;
        let snapshot = py.detach(|| Snapshot::open(&path, Memory::Map))?;
        Ok(Self { inner: Mutex::new(Some(DeltaBuilder::new(Arc::new(snapshot), policy))) })
    }

    /// Adds the rows of a file of changes and gives their count.
    ///
    /// The same as PlanBuilder.add_ported, with one more column: action, which is add, change or remove.
    #[pyo3(signature = (stream, *, file, first_line = 2))]
    fn add_changes(
        &self,
        py: Python<'_>,
        stream: PyRecordBatchReader,
        file: &str,
        first_line: u64,
    ) -> Result<u64, Fault> {
        add_batches(py, stream, file, &self.inner, |builder, batch, before| {
            if before == 0 {
                builder.begin_file(file);
            }
            let action = Column::of(batch, "action", true, file)?;
            let (columns, mut digits) = (PortedColumns::of(batch, file)?, String::new());
            for row in 0..batch.num_rows() {
                let ported = columns.get(row, &mut digits);
                let line = first_line + before + row as u64;
                builder.add_change(line, &DeltaFields { action: action.get(row), ported });
            }
            Ok(())
        })
    }

    /// Writes the layer beside the plan, whole or not at all, and ends the builder. Nothing is written if
    /// nothing changes.
    ///
    /// meta is JSON text to keep with the layer; time says from when on it holds, in seconds since 1970 UTC.
    /// Raises PlanError when rows are bad and on_error is "fail", TimeError when the plan is newer than time,
    /// and SnapshotError when the files cannot be written.
    #[pyo3(signature = (*, time, meta = "{}"))]
    fn write(&self, py: Python<'_>, time: i64, meta: &str) -> Result<LayerReport, Fault> {
        let time = in_calendar(time)?;
        py.detach(|| {
            let builder = self.inner.lock().ok().and_then(|mut inner| inner.take()).ok_or_else(ended)?;
            let snapshot = Arc::clone(builder.snapshot());
            let (layer, report) = builder.finish(time, meta)?;
            let file = layer.map(|layer| append::add_layer(&snapshot, &layer)).transpose()?;
            let sequence = snapshot.lineage().sequence() + u64::from(file.is_some());
            Ok(LayerReport { report, file, sequence })
        })
    }
}

//----------- LayerReport ----------------------------------------------------

/// What a delta changed.
#[pyclass(frozen, module = "numdip._native")]
pub(crate) struct LayerReport {
    report: DeltaReport,
    file: Option<String>,
    sequence: u64,
}

#[pymethods]
impl LayerReport {
    /// The name of the layer's file beside the plan; None: nothing changed, so there is none.
    #[getter]
    fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// How many layers the plan has seen, this one included.
    #[getter]
    fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Numbers that were not ported and are now.
    #[getter]
    fn added(&self) -> u64 {
        self.report.added
    }

    /// Ported numbers with another network, or other texts of it, than before.
    #[getter]
    fn changed(&self) -> u64 {
        self.report.changed
    }

    /// Numbers that were ported and are no longer.
    #[getter]
    fn removed(&self) -> u64 {
        self.report.removed
    }

    /// Rows that say what the plan says already.
    #[getter]
    fn unchanged(&self) -> u64 {
        self.report.unchanged
    }

    /// Of the changed numbers those that were to be added.
    #[getter]
    fn added_twice(&self) -> u64 {
        self.report.added_twice
    }

    /// Of the added numbers those that were to be changed.
    #[getter]
    fn changed_unlisted(&self) -> u64 {
        self.report.changed_unlisted
    }

    /// Of the unchanged rows those that were to remove a number that is not ported.
    #[getter]
    fn removed_unlisted(&self) -> u64 {
        self.report.removed_unlisted
    }

    /// Bad rows that were left out.
    #[getter]
    fn left_out(&self) -> u64 {
        self.report.rows.fault_count()
    }

    /// Rows that a later one replaced.
    #[getter]
    fn replaced(&self) -> u64 {
        self.report.rows.replaced
    }

    /// The first 100 faults, a line each.
    #[getter]
    fn faults(&self) -> Vec<String> {
        self.report.rows.faults().to_vec()
    }
}

//----------- compact --------------------------------------------------------

/// Folds the layers of the plan at path into its file, or into a plan at output, which has no history.
///
/// Gives how many layers were folded, and how many ported numbers and networks the plan has then. With
/// forget_history, layers and what they replaced are removed, and questions about earlier times are refused
/// from then on. Raises SnapshotError when the plan cannot be opened, is damaged or cannot be written.
#[pyfunction]
#[pyo3(signature = (path, output = None, *, forget_history = false))]
pub(crate) fn compact(
    py: Python<'_>,
    path: PathBuf,
    output: Option<PathBuf>,
    forget_history: bool,
) -> Result<(usize, usize, usize), Fault> {
    py.detach(|| {
        let snapshot = Snapshot::open(&path, Memory::Map)?;
        let history = if forget_history { History::Forget } else { History::Keep };
        let done = core_compact::compact(&snapshot, output.as_deref(), history)?;
        Ok((done.layers, done.ported, done.networks))
    })
}
