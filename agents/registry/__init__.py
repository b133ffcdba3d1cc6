"""Who is who: statements on identifiers in, link sets and links for review out."""
