//! Many dips at once: whatever holds numbers in, an Arrow table out.

use std::time::{Duration, Instant};

use arrow_schema::DataType;
use numdip_core::bulk::Finder;
use numdip_core::number::{Form, Number};
use numdip_core::snapshot::Snapshot;
use pyo3::buffer::{Element, PyUntypedBuffer};
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};
use pyo3_arrow::input::AnyArray;

use crate::columns::{self, Column};
use crate::errors::Fault;
use crate::number;
use crate::table::{self, Table};

/// Numbers between two looks at the clock.
const PORTION: usize = 100_000;
/// How long Python waits for a Ctrl-C to be heard.
const PATIENCE: Duration = Duration::from_millis(50);

/// Dips for each of `numbers`; see `Snapshot.lookup_many`.
pub(crate) fn lookup_many(
    py: Python<'_>,
    snapshot: &Snapshot,
    numbers: &Bound<'_, PyAny>,
) -> Result<Table, Fault> {
    if numbers.is_instance_of::<PyString>() || numbers.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err("lookup_many takes many numbers: put a single one in a list").into());
    }
    if numbers.is_instance_of::<PyList>() || numbers.is_instance_of::<PyTuple>() {
        return objects(py, snapshot, numbers);
    }
    if numbers.hasattr(intern!(py, "__arrow_c_stream__"))?
        || numbers.hasattr(intern!(py, "__arrow_c_array__"))?
    {
        return arrow(py, snapshot, numbers);
    }
    if let Some(table) = buffer(py, snapshot, numbers)? {
        return Ok(table);
    }
    if numbers.hasattr(intern!(py, "to_numpy"))? {
        let array = numbers.call_method0(intern!(py, "to_numpy"))?;
        if let Some(table) = buffer(py, snapshot, &array)? {
            return Ok(table);
        }
    }
    objects(py, snapshot, numbers)
}

/// All of `numbers`, which may be what `lookup_many` takes; `None` where a row holds none.
pub(crate) fn numbers(py: Python<'_>, numbers: &Bound<'_, PyAny>) -> Result<Vec<Option<Number>>, Fault> {
    if numbers.is_instance_of::<PyString>() || numbers.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err("lookup_many takes many numbers: put a single one in a list").into());
    }
    let is_list = numbers.is_instance_of::<PyList>() || numbers.is_instance_of::<PyTuple>();
    let is_arrow = !is_list
        && (numbers.hasattr(intern!(py, "__arrow_c_stream__"))?
            || numbers.hasattr(intern!(py, "__arrow_c_array__"))?);
    let mut all = Vec::new();
    if is_arrow {
        let reader = numbers.extract::<AnyArray>()?.into_reader()?;
        let field = reader.field();
        columns::check(field.data_type())?;
        if let (DataType::Null, Ok(rows)) = (field.data_type(), numbers.len()) {
            return Ok(vec![None; rows]);
        }
        return py.detach(|| {
            for array in reader {
                let array = array.map_err(|error| Fault::Plan(format!("the column of numbers: {error}")))?;
                let column = Column::of(array)?;
                column.read(0..column.len(), &mut all);
            }
            Ok(all)
        });
    }
    // NumPy's integers are iterated over as well as others are.
    for (row, number) in numbers.try_iter()?.enumerate() {
        all.push(object(&number?)?);
        if (row + 1) % PORTION == 0 {
            py.check_signals()?;
        }
    }
    Ok(all)
}

//----------- Kinds of input -------------------------------------------------

/// A column of any Arrow library.
fn arrow(py: Python<'_>, snapshot: &Snapshot, numbers: &Bound<'_, PyAny>) -> Result<Table, Fault> {
    let reader = numbers.extract::<AnyArray>()?.into_reader()?;
    let field = reader.field();
    columns::check(field.data_type())?;
    if let (DataType::Null, Ok(rows)) = (field.data_type(), numbers.len()) {
        // Polars gives such a column a buffer, with which it could not be read.
        let mut finder = Finder::new(&snapshot.view());
        finder.extend((0..rows).map(|_| None));
        return finished(finder);
    }
    py.detach(|| {
        let mut dips = Dips::new(snapshot);
        for array in reader {
            let array = array.map_err(|error| Fault::Plan(format!("the column of numbers: {error}")))?;
            let column = Column::of(array)?;
            dips.take(column.len(), |finder, rows| column.read(rows, finder))?;
        }
        dips.finish()
    })
}

/// An object with a buffer of integers, such as a NumPy array; `None` for others.
fn buffer(py: Python<'_>, snapshot: &Snapshot, numbers: &Bound<'_, PyAny>) -> Result<Option<Table>, Fault> {
    let Ok(buffer) = PyUntypedBuffer::get(numbers) else { return Ok(None) };
    // Integers of the other byte order are left to those who can read them.
    let foreign = if cfg!(target_endian = "little") { b">!" } else { b"<<" };
    if buffer.format().to_bytes().first().is_some_and(|order| foreign.contains(order)) {
        return Ok(None);
    }
    if buffer.as_typed::<f64>().is_ok() || buffer.as_typed::<f32>().is_ok() {
        return Err(columns::not_numbers("floats").into());
    }
    let of_type = [
        integers::<u64>,
        integers::<i64>,
        integers::<u32>,
        integers::<i32>,
        integers::<u16>,
        integers::<i16>,
        integers::<u8>,
        integers::<i8>,
    ];
    of_type.iter().find_map(|integers| integers(py, snapshot, &buffer).transpose()).transpose()
}

/// A buffer of this type of integers; `None` for others.
fn integers<T>(py: Python<'_>, snapshot: &Snapshot, buffer: &PyUntypedBuffer) -> Result<Option<Table>, Fault>
where
    T: Element + TryInto<u64> + Send + Sync,
{
    let Ok(buffer) = buffer.as_typed::<T>() else { return Ok(None) };
    if buffer.dimensions() != 1 {
        let text = format!(
            "lookup_many takes one column of numbers, not an array of {} dimensions: pass one as numbers[:, 0]",
            buffer.dimensions()
        );
        return Err(PyTypeError::new_err(text).into());
    }
    // Whoever owns the buffer may write to it once other threads run.
    let integers = buffer.to_vec(py)?;
    py.detach(|| {
        let mut dips = Dips::new(snapshot);
        dips.take(integers.len(), |finder, rows| {
            let integers = integers.get(rows).unwrap_or_default();
            finder.extend(integers.iter().map(|integer| columns::integer(*integer)));
        })?;
        dips.finish().map(Some)
    })
}

/// Any iterable of what `lookup` takes.
fn objects(py: Python<'_>, snapshot: &Snapshot, numbers: &Bound<'_, PyAny>) -> Result<Table, Fault> {
    let mut finder = Finder::new(&snapshot.view());
    for (row, number) in numbers.try_iter()?.enumerate() {
        finder.extend([object(&number?)?]);
        if (row + 1) % PORTION == 0 {
            py.check_signals()?;
        }
    }
    finished(finder)
}

/// The number in an object; `None` if there is none in it.
fn object(number: &Bound<'_, PyAny>) -> Result<Option<Number>, Fault> {
    if number.is_none() {
        return Ok(None);
    }
    match number::read(number, Form::Msisdn) {
        Ok(number) => Ok(Some(number)),
        // Data has rows that are no numbers; one of them must not cost the others their answer.
        Err(Fault::Number(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

//----------- Dips -----------------------------------------------------------

/// Dips without the interpreter, which is asked now and then whether to go on.
struct Dips<'a> {
    finder: Finder<'a>,
    asked: Instant,
}

impl<'a> Dips<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        Self { finder: Finder::new(&snapshot.view()), asked: Instant::now() }
    }

    /// Takes so many more numbers, which `add` hands over, some rows at a time.
    fn take(
        &mut self,
        count: usize,
        mut add: impl FnMut(&mut Finder<'a>, std::ops::Range<usize>),
    ) -> Result<(), Fault> {
        self.finder.reserve(count);
        for start in (0..count).step_by(PORTION) {
            add(&mut self.finder, start..count.min(start + PORTION));
            // To be let in takes a while if another thread runs Python code, so it is not done often.
            if self.asked.elapsed() > PATIENCE {
                Python::attach(|py| py.check_signals())?;
                self.asked = Instant::now();
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Table, Fault> {
        finished(self.finder)
    }
}

fn finished(finder: Finder<'_>) -> Result<Table, Fault> {
    table::of_columns(finder.finish()).map_err(|error| PyRuntimeError::new_err(error.to_string()).into())
}
