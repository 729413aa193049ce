/** Entries of the log as Parquet: one column for each field of the flat view. Nothing deeper in this folder is imported from outside. */
export { type Column, LOG_COLUMNS } from './columns.ts';
export { type FlatRow, ParquetFile, type ParquetFileOptions } from './parquet-file.ts';
