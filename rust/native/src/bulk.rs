//! Many look-ups at once: numbers in, an Arrow table out.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use numdip_core::answer;
use numdip_core::number::Form;
use numdip_core::snapshot::Snapshot;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyString};
use pyo3_arrow::PyTable;

use crate::errors::Fault;
use crate::number;

//----------- Table ----------------------------------------------------------

/// An Arrow table; any Arrow library takes it through __arrow_c_stream__.
#[pyclass(frozen, module = "numdip")]
pub(crate) struct Table(RecordBatch);

impl Table {
    pub(crate) fn new(batch: RecordBatch) -> Self {
        Self(batch)
    }
}

#[pymethods]
impl Table {
    /// How many rows there are.
    #[getter]
    fn num_rows(&self) -> usize {
        self.0.num_rows()
    }

    /// The names of the columns, in order.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.0.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    /// The table as an Arrow C stream, in a PyCapsule.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let table = PyTable::try_new(vec![self.0.clone()], self.0.schema())?;
        let table = table.into_pyobject(py)?;
        table.call_method1("__arrow_c_stream__", (requested_schema,))
    }

    fn __len__(&self) -> usize {
        self.0.num_rows()
    }
}

//----------- lookup_many ----------------------------------------------------

/// Dips for each of `numbers`; see `Snapshot.lookup_many`.
pub(crate) fn lookup_many(snapshot: &Snapshot, numbers: &Bound<'_, PyAny>) -> Result<Table, Fault> {
    if numbers.is_instance_of::<PyString>() || numbers.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err("lookup_many takes many numbers: put a single one in a list").into());
    }
    let view = snapshot.view();
    let mut columns = Columns::default();
    for number in numbers.try_iter()? {
        let number = number?;
        let number = match number.is_none() {
            true => None,
            false => match number::read(&number, Form::Msisdn) {
                Ok(number) => Some(number),
                // Data has rows that are no numbers; one of them must not cost the others their answer.
                Err(Fault::Number(_)) => None,
                Err(fault) => return Err(fault),
            },
        };
        let answer = number.and_then(|number| answer::find(&view, number).ok());
        let network = answer.map(|answer| answer.network);
        let range = answer.and_then(|answer| answer.range(&view));
        columns.found.append_value(answer.is_some());
        columns.mcc.append_option(network.and_then(|network| network.mcc()));
        columns.mnc.append_option(network.and_then(|network| network.mnc()));
        columns.operator.append_option(network.and_then(|network| view.text(network.operator)));
        columns.country.append_option(range.and_then(|(_, row)| row.country()));
        columns.kind.append_option(range.and_then(|(_, row)| row.kind()).map(|kind| kind.name()));
        columns.prefix.append_option(range.map(|(prefix, _)| prefix.digits()));
        columns.ported.append_option(answer.map(|answer| answer.ported));
        columns.portable.append_option(range.map(|(_, row)| row.is_portable()));
        columns.source.append_option(network.and_then(|network| view.text(network.source)));
    }
    columns.finish().map(Table).map_err(|error| PyRuntimeError::new_err(error.to_string()).into())
}

#[derive(Default)]
struct Columns {
    found: BooleanBuilder,
    mcc: StringBuilder,
    mnc: StringBuilder,
    operator: StringBuilder,
    country: StringBuilder,
    kind: StringBuilder,
    prefix: StringBuilder,
    ported: BooleanBuilder,
    portable: BooleanBuilder,
    source: StringBuilder,
}

impl Columns {
    fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        let text = |name, mut column: StringBuilder| {
            (Field::new(name, DataType::Utf8, true), Arc::new(column.finish()) as ArrayRef)
        };
        let flag = |name, mut column: BooleanBuilder| {
            (Field::new(name, DataType::Boolean, true), Arc::new(column.finish()) as ArrayRef)
        };
        let found = Arc::new(self.found.finish()) as ArrayRef;
        let columns = [
            (Field::new("found", DataType::Boolean, false), found),
            text("mcc", self.mcc),
            text("mnc", self.mnc),
            text("operator", self.operator),
            text("country", self.country),
            text("kind", self.kind),
            text("prefix", self.prefix),
            flag("ported", self.ported),
            flag("portable", self.portable),
            text("source", self.source),
        ];
        let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
    }
}
