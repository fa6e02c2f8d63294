"""Cedar: schema, bundle, slices, validation. Pure; decides nothing."""
