"""Labelled arrays of xarray: netCDF and Zarr files, DataArrays and Datasets; the first dimension counts the samples."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.data.arrays import from_mapping
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.errors import DataError, nearest, remark
from isthmus.extras import needs
from isthmus.formatting import listed


def read_netcdf(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Any:
    """The variables of a netCDF file (see `of_dataset`).

    Raises:
        DataError: the file is damaged, or it isn't plain which variable holds the samples.
    """
    return _read(path, options, None)


def read_zarr(path: Path, options: Options, like: Mapping[str, Any] | None = None) -> Any:
    """The variables of a Zarr store, as written by xarray, or its arrays, as written by zarr.

    Raises:
        DataError: as `read_netcdf`.
    """
    zarr = needs("zarr", "arrays", "Reading Zarr")
    try:
        store = zarr.open(str(path), mode="r")
    except Exception as error:  # zarr raises errors of many kinds
        said = " ".join(str(error).split())[:120]
        raise DataError(f"{path} is damaged or no Zarr store ({said}). Download or write it again.") from error
    if hasattr(store, "shape"):
        return Raw(_checked(store, str(path), options))
    arrays = dict(store.arrays())
    if any("_ARRAY_DIMENSIONS" in array.attrs or _dimensions(array) for array in arrays.values()):
        return _read(path, options, "zarr")
    if options.array is not None and options.array not in arrays and options.array in store:
        arrays = {options.array: store[options.array]}
    return from_mapping({name: _checked(each, str(path), options) for name, each in arrays.items()}, options, str(path))


def of_dataset(dataset: Any, options: Options, called: str) -> Any:
    """A Dataset: the variable that `options.array` names, or its only one.

    Variables of one dimension are the columns of a table. Variables of the same three dimensions are the channels of
    pictures, `(N, variables, height, width)`.

    Raises:
        DataError: its variables have several shapes.
    """
    import pyarrow as pa  # noqa: PLC0415  # some 40 MB that arrays don't need

    variables = {
        str(name): each for name, each in dataset.data_vars.items() if each.ndim and each.dtype.kind in "biufMm"
    }
    words = {str(name): each for name, each in dataset.data_vars.items() if each.ndim == 1 and each.dtype.kind in "OUS"}
    if options.array is not None:
        if options.array not in dataset.variables:
            raise DataError(
                f"array={options.array!r}: {called} has no such variable. {nearest(options.array, variables)}"
            )
        return of_variable(dataset[options.array], options, called)
    if len(variables) == 1 and not words:
        return of_variable(next(iter(variables.values())), options, called)
    shapes = {each.dims for each in (*variables.values(), *words.values())}
    if len(shapes) == 1 and variables:
        dims = next(iter(shapes))
        if len(dims) == 1:
            return pa.table({name: pa.array(np.asarray(each)) for name, each in {**variables, **words}.items()})
        if len(dims) == 3:
            remark(f"{called}: the variables {listed(list(variables))} are the channels of pictures. For one: array=.")
            values = np.stack([_checked(each, called, options) for each in variables.values()], axis=1)
            return Raw(values, kind=None if options.kind else "pictures", channels_first=True)
    some = listed([f"{name} {tuple(map(str, each.dims))}" for name, each in variables.items()])
    raise DataError(
        f"{called} has variables of several shapes ({some or 'none of numbers'}): expected one with the samples. "
        f"Name it with array={next(iter(variables), 'NAME')!r}."
    )


def of_variable(variable: Any, options: Options, called: str) -> Any:
    """A DataArray as values, or as a table where its second dimension has names."""
    import pyarrow as pa  # noqa: PLC0415  # as above

    values = _checked(variable, called, options)
    if values.ndim == 1:
        return pa.table({str(variable.name or "value"): pa.array(values)})
    if values.ndim == 2:
        named = variable.coords.get(variable.dims[1])
        if named is not None and named.dtype.kind in "OUS":
            names = list(map(str, named.values.tolist()))
            return pa.table([pa.array(np.ascontiguousarray(column)) for column in values.T], names=names)
    return values


def _read(path: Path, options: Options, engine: str | None) -> Any:
    xarray = needs("xarray", "arrays", "Reading netCDF and Zarr")
    try:
        words = {"engine": engine, "consolidated": False} if engine else {"engine": _engine(path)}
        with xarray.open_dataset(path, **words) as dataset:
            return of_dataset(dataset, options, str(path))
    except (DataError, MemoryError, Warning):
        raise
    except Exception as error:  # its backends raise errors of many kinds
        said = " ".join(str(error).split())[:120]
        raise DataError(f"{path} is damaged or no netCDF or Zarr ({said}). Download or write it again.") from error


def _engine(path: Path) -> str:
    """The library for a netCDF file: version 4 is HDF5, older ones are SciPy's."""
    with path.open("rb") as file:
        return "scipy" if file.read(3) == b"CDF" else "h5netcdf"


def _dimensions(array: Any) -> bool:
    return any(getattr(getattr(array, "metadata", None), "dimension_names", None) or ())


def _checked(variable: Any, called: str, options: Options) -> np.ndarray:
    """The values of an array that is read when it is needed."""
    needed = int(np.prod(variable.shape)) * variable.dtype.itemsize
    if needed > options.max_bytes:
        raise DataError(
            f"{called} needs {needed} bytes for an array of shape {tuple(variable.shape)}: expected at most "
            f"max_bytes={options.max_bytes}. Choose a part of it, or raise max_bytes."
        )
    return np.asarray(variable)
