//! Numbers in an Arrow column, whatever its type.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, ArrayRef, GenericStringArray, OffsetSizeTrait};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use numdip_core::number::{Form, Number};
use pyo3::PyErr;
use pyo3::exceptions::PyTypeError;

/// The number that an integer is, if it is one.
#[inline]
pub(crate) fn integer(value: impl TryInto<u64>) -> Option<Number> {
    Number::from_integer(value.try_into().ok()?).ok()
}

/// What is said to someone who hands over something else.
pub(crate) fn not_numbers(what: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "numbers are text or integers, not {what}: convert the column to one of these"
    ))
}

/// Refuses a column that numbers cannot be in.
pub(crate) fn check(data_type: &DataType) -> Result<(), PyErr> {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => Ok(()),
        integer if integer.is_integer() => Ok(()),
        DataType::Dictionary(_, values) => check(values),
        DataType::Struct(fields) => match fields.as_ref() {
            [field] => check(field.data_type()),
            [] => Err(PyTypeError::new_err("lookup_many takes a column of numbers; this table has none")),
            [first, ..] => Err(PyTypeError::new_err(format!(
                "lookup_many takes one column of numbers, not a table of {}: pass one, as table[{:?}]",
                fields.len(),
                first.name()
            ))),
        },
        other => Err(not_numbers(&other.to_string())),
    }
}

//----------- Column ---------------------------------------------------------

/// An array of numbers that passed [`check`].
pub(crate) enum Column {
    Plain {
        array: ArrayRef,
        nulls: Option<NullBuffer>,
    },
    Dictionary {
        /// For each row a place among `numbers`, where it is not null.
        keys: Vec<usize>,
        nulls: Option<NullBuffer>,
        /// The numbers of the dictionary.
        numbers: Vec<Option<Number>>,
    },
}

impl Column {
    pub(crate) fn of(array: ArrayRef) -> Result<Self, PyErr> {
        Self::under(array, None)
    }

    /// The column with what is null about the table that it came in.
    fn under(array: ArrayRef, nulls: Option<&NullBuffer>) -> Result<Self, PyErr> {
        check(array.data_type())?;
        let nulls = NullBuffer::union(nulls, array.nulls());
        if let Some(table) = array.as_struct_opt() {
            return match table.columns() {
                [column] => Self::under(column.clone(), nulls.as_ref()),
                _ => Err(not_numbers("a table")),
            };
        }
        let Some(dictionary) = array.as_any_dictionary_opt() else {
            return Ok(Self::Plain { array, nulls });
        };
        let (values, mut numbers) = (dictionary.values(), Vec::new());
        let keys = if values.is_empty() { vec![0; array.len()] } else { dictionary.normalized_keys() };
        let values = Self::of(values.clone())?;
        values.read(0..values.len(), &mut numbers);
        Ok(Self::Dictionary { keys, nulls, numbers })
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Plain { array, .. } => array.len(),
            Self::Dictionary { keys, .. } => keys.len(),
        }
    }

    /// Hands the numbers of some rows to `out`.
    pub(crate) fn read(&self, rows: Range<usize>, out: &mut impl Extend<Option<Number>>) {
        match self {
            Self::Dictionary { keys, nulls, numbers } => {
                let nulls = nulls.as_ref().map(|nulls| nulls.slice(rows.start, rows.len()));
                let keys = keys.get(rows).unwrap_or_default();
                let number = |key: &usize| numbers.get(*key).copied().flatten();
                hand_over(keys.iter().map(number), nulls.as_ref(), out);
            }
            Self::Plain { array, nulls } => {
                let nulls = nulls.as_ref().map(|nulls| nulls.slice(rows.start, rows.len()));
                read(&array.slice(rows.start, rows.len()), nulls.as_ref(), out);
            }
        }
    }
}

/// Hands the numbers of a plain array to `out`.
fn read(array: &ArrayRef, nulls: Option<&NullBuffer>, out: &mut impl Extend<Option<Number>>) {
    match array.data_type() {
        DataType::Utf8 => texts(array.as_string::<i32>(), nulls, out),
        DataType::LargeUtf8 => texts(array.as_string::<i64>(), nulls, out),
        DataType::Utf8View => {
            let number = |text: Option<&str>| Number::parse_octets(text?.as_bytes(), Form::Msisdn);
            hand_over(array.as_string_view().iter().map(number), nulls, out);
        }
        DataType::Int8 => integers::<Int8Type>(array, nulls, out),
        DataType::Int16 => integers::<Int16Type>(array, nulls, out),
        DataType::Int32 => integers::<Int32Type>(array, nulls, out),
        DataType::Int64 => integers::<Int64Type>(array, nulls, out),
        DataType::UInt8 => integers::<UInt8Type>(array, nulls, out),
        DataType::UInt16 => integers::<UInt16Type>(array, nulls, out),
        DataType::UInt32 => integers::<UInt32Type>(array, nulls, out),
        DataType::UInt64 => integers::<UInt64Type>(array, nulls, out),
        // A column of nulls alone.
        _ => out.extend((0..array.len()).map(|_| None)),
    }
}

fn texts<O: OffsetSizeTrait>(
    array: &GenericStringArray<O>,
    nulls: Option<&NullBuffer>,
    out: &mut impl Extend<Option<Number>>,
) {
    let octets = array.value_data();
    let number = |bounds: &[O]| match bounds {
        [start, end] => Number::parse_octets(octets.get(start.as_usize()..end.as_usize())?, Form::Msisdn),
        _ => None,
    };
    hand_over(array.value_offsets().windows(2).map(number), nulls, out);
}

fn integers<T: ArrowPrimitiveType<Native: TryInto<u64>>>(
    array: &ArrayRef,
    nulls: Option<&NullBuffer>,
    out: &mut impl Extend<Option<Number>>,
) {
    hand_over(array.as_primitive::<T>().values().iter().map(|value| integer(*value)), nulls, out);
}

/// Hands `numbers` to `out`, without those that are null.
fn hand_over(
    numbers: impl Iterator<Item = Option<Number>>,
    nulls: Option<&NullBuffer>,
    out: &mut impl Extend<Option<Number>>,
) {
    match nulls {
        None => out.extend(numbers),
        Some(nulls) => {
            out.extend(numbers.zip(nulls.iter()).map(|(number, valid)| number.filter(|_| valid)));
        }
    }
}
