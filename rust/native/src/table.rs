//! `numdip.Table`: an Arrow table for any Arrow library, and the one that many dips make.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Float32Array, Int32Array, LargeStringArray, RecordBatch,
    StringArray, UInt32Array,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, Field, Schema};
use numdip_client::{RowOutcome, Rows, Texts, Words};
use numdip_core::bulk::{Bits, Columns, TextColumn};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3_arrow::PyTable;

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

//----------- What many dips found -------------------------------------------

/// The columns as a table; no column is copied.
pub(crate) fn of_columns(columns: Columns) -> Result<Table, ArrowError> {
    let rows = columns.rows;
    let found = bits(columns.found, rows);
    // Where nothing was found, there is nothing to say of being ported either.
    let (ported, portable) = (bits(columns.ported, rows), bits(columns.portable, rows));
    let (where_found, in_range) = (nulls(found.clone()), nulls(bits(columns.in_range, rows)));
    let flag = |values, nulls| Arc::new(BooleanArray::new(values, nulls)) as ArrayRef;
    let columns = [
        ("found", flag(found, None)),
        ("mcc", text(columns.mcc)?),
        ("mnc", text(columns.mnc)?),
        ("operator", text(columns.operator)?),
        ("country", text(columns.country)?),
        ("kind", text(columns.kind)?),
        ("prefix", text(columns.prefix)?),
        ("ported", flag(ported, where_found)),
        ("portable", flag(portable, in_range)),
        ("source", text(columns.source)?),
        ("spid", text(columns.spid)?),
        ("rn", text(columns.rn)?),
        ("rn_context", text(columns.rn_context)?),
    ];
    let field =
        |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), *name != "found");
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(schema), arrays).map(Table)
}

fn bits(bits: Bits, rows: usize) -> BooleanBuffer {
    BooleanBuffer::new(Buffer::from_vec(bits.into_octets()), 0, rows)
}

/// Validity, unless everything is valid.
fn nulls(valid: BooleanBuffer) -> Option<NullBuffer> {
    Some(NullBuffer::new(valid)).filter(|nulls| nulls.null_count() > 0)
}

fn text(column: TextColumn) -> Result<ArrayRef, ArrowError> {
    let valid = bits(column.valid, column.keys.len());
    let keys = Int32Array::try_new(column.keys.into(), nulls(valid))?;
    let bounds = OffsetBuffer::new(column.bounds.into());
    let texts = StringArray::try_new(bounds, Buffer::from_vec(column.text.into_bytes()), None)?;
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(texts))?))
}

//----------- What came of many questions ------------------------------------

/// The rows as a table; `servers` are the words for their places.
pub(crate) fn of_rows(rows: Rows, servers: &[String]) -> Result<Table, ArrowError> {
    let words = |keys: Vec<Option<i32>>, words: Vec<&str>| -> Result<ArrayRef, ArrowError> {
        let keys = Int32Array::from(keys);
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(StringArray::from(words)))?))
    };
    let of_words = |column: &Words| {
        let keys = column.keys.iter().map(|key| Some(*key).filter(|key| *key >= 0)).collect();
        words(keys, column.words.iter().map(AsRef::as_ref).collect())
    };
    let of_texts = |column: &Texts| Arc::new(column.iter().collect::<LargeStringArray>()) as ArrayRef;
    let flag = |values: Vec<Option<bool>>| Arc::new(BooleanArray::from(values)) as ArrayRef;
    let where_answered = |value: u32| Some(value).filter(|value| *value != u32::MAX);
    let milliseconds = |micros: &u32| where_answered(*micros).map(|micros| micros as f32 / 1000.0);
    let outcomes = rows.outcomes.iter().map(|outcome| Some(i32::from(*outcome))).collect();
    let asked = rows.server.iter().map(|server| Some(i32::from(*server)).filter(|_| *server != u16::MAX));
    let columns = [
        ("outcome", words(outcomes, RowOutcome::ALL.iter().map(|outcome| outcome.name()).collect())?),
        ("rcode", of_words(&rows.rcode)?),
        ("mcc", of_words(&rows.mcc)?),
        ("mnc", of_words(&rows.mnc)?),
        ("spid", of_words(&rows.spid)?),
        ("rn", of_words(&rows.rn)?),
        ("rn_context", of_words(&rows.rn_context)?),
        ("npdi", flag(rows.npdi.iter().map(|npdi| Some(*npdi == 1).filter(|_| *npdi != 2)).collect())),
        ("output", of_texts(&rows.output)),
        (
            "ttl",
            Arc::new(rows.ttl.iter().map(|ttl| where_answered(*ttl)).collect::<UInt32Array>()) as ArrayRef,
        ),
        ("server", words(asked.collect(), servers.iter().map(String::as_str).collect())?),
        (
            "milliseconds",
            Arc::new(rows.microseconds.iter().map(milliseconds).collect::<Float32Array>()) as ArrayRef,
        ),
        ("lenient", flag(rows.lenient.iter().copied().map(Some).collect())),
        ("detail", of_texts(&rows.detail)),
    ];
    let field = |(name, array): &(&str, ArrayRef)| {
        Field::new(*name, array.data_type().clone(), !matches!(*name, "outcome" | "lenient"))
    };
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(schema), arrays).map(Table)
}
