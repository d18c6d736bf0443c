//! `numdip._native.Batches`: an Arrow stream of any library, batch by batch.

use std::sync::Mutex;

use arrow_array::RecordBatchReader;
use arrow_schema::SchemaRef;
use arrow_schema::extension::{EXTENSION_TYPE_METADATA_KEY, EXTENSION_TYPE_NAME_KEY};
use pyo3::prelude::*;
use pyo3_arrow::PyRecordBatchReader;

use crate::errors::Fault;
use crate::table::Table;

//----------- Batches --------------------------------------------------------

/// The record batches of an Arrow stream, each a Table, read as they are asked for.
///
/// stream has __arrow_c_stream__. Python can do something between two batches and hold no more than one:
/// pass on a Ctrl-C, count rows. Raises PlanError with the text of the stream's error.
#[pyclass(frozen, module = "numdip._native")]
pub(crate) struct Batches {
    schema: SchemaRef,
    /// `None` once the stream has ended.
    reader: Mutex<Option<Box<dyn RecordBatchReader + Send>>>,
}

#[pymethods]
impl Batches {
    #[new]
    fn new(stream: PyRecordBatchReader) -> PyResult<Self> {
        let reader = stream.into_reader()?;
        Ok(Self { schema: reader.schema(), reader: Mutex::new(Some(reader)) })
    }

    /// For each column its name, its Arrow type, and the name and metadata of its extension type.
    #[getter]
    fn columns(&self) -> Vec<(String, String, String, String)> {
        let column = |field: &arrow_schema::FieldRef| {
            let extension = |key| field.metadata().get(key).cloned().unwrap_or_default();
            (
                field.name().clone(),
                field.data_type().to_string(),
                extension(EXTENSION_TYPE_NAME_KEY),
                extension(EXTENSION_TYPE_METADATA_KEY),
            )
        };
        self.schema.fields().iter().map(column).collect()
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> Result<Option<Table>, Fault> {
        py.detach(|| {
            let Ok(mut reader) = self.reader.lock() else { return Ok(None) };
            match reader.as_mut().and_then(Iterator::next) {
                Some(Ok(batch)) => Ok(Some(Table::new(batch))),
                Some(Err(error)) => {
                    *reader = None;
                    Err(Fault::Plan(error.to_string()))
                }
                None => {
                    *reader = None;
                    Ok(None)
                }
            }
        })
    }

    /// Lets the stream go; there are no more batches.
    fn close(&self, py: Python<'_>) {
        py.detach(|| {
            if let Ok(mut reader) = self.reader.lock() {
                *reader = None;
            }
        });
    }
}
