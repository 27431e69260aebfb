/** Numbers as the explorer writes them. */
export * from "../format";
