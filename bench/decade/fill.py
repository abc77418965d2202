"""Fills a migrated database with ten years of a hospital, by one statement a table.

Row n of a table happened at ``moment(n, of all)``, so that identifiers (UUIDv7) and times grow together as
they do in a real one; whom it concerns is spread by a multiplication, so that one patient's rows lie far
apart. Triggers and foreign keys are off meanwhile; checks, unique and exclusion constraints hold.
"""

from collections.abc import Callable
from pathlib import Path

import asyncpg

HOSPITAL = Path(__file__).with_name("hospital.sql")

WARDS, CLINICS, USERS, BEDS = 20, 20, 500, 600
YEARS = 10

_SECONDS = YEARS * 31_557_600

# PL/pgSQL, because PostgreSQL calls SQL functions that it cannot inline ten times slower.
_FUNCTIONS = (
    f"""
    CREATE FUNCTION moment(n bigint, of bigint) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
        RETURN timestamptz '2026-01-01'
            - make_interval(secs => {_SECONDS} * (1 - n::float / greatest(of, 1)));
    END $$
    """,
    """
    CREATE FUNCTION gid(kind text, n bigint, at timestamptz) RETURNS uuid LANGUAGE plpgsql IMMUTABLE AS $$
    DECLARE digits text := md5(kind || n);
    BEGIN
        RETURN (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(digits, 1, 3)
            || '8' || substr(digits, 4, 15))::uuid;
    END $$
    """,
    """
    CREATE FUNCTION person(n bigint) RETURNS uuid LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
        RETURN gid('u', n % 500 + 1, timestamptz '2015-12-01');
    END $$
    """,
    """
    CREATE FUNCTION patient(n bigint, of bigint) RETURNS uuid LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
        RETURN gid('p', n * 7919 % of + 1, moment(n * 7919 % of + 1, of));
    END $$
    """,
    """
    CREATE FUNCTION syllables(n bigint) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
    DECLARE s text[] := ARRAY['an','ber','cor','dal','el','fis','gar','hol','is','jan','kle','smi'];
    BEGIN
        RETURN s[n % 12 + 1] || s[n / 12 % 12 + 1] || s[n / 144 % 12 + 1];
    END $$
    """,
)


def statements(patients: int) -> list[tuple[str, int, str]]:
    """Table, rows and statement, for so many patients and what belongs to them."""
    found = [
        ("identity_user", USERS, _USERS),
        ("identity_assignment", USERS * 2, _ASSIGNMENTS),
        ("beds_room", WARDS, _ROOMS),
        ("beds_bed", BEDS, _BEDS),
        ("lab_catalogue", 40, _CATALOGUE),
        ("lab_range_set", 40, _RANGES),
        ("pharmacy_medicine", 40, _MEDICINES),
        ("pharmacy_store", 1, _STORE),
    ]
    for part in HOSPITAL.read_text().split("\n-- ")[1:]:
        head, _, sql = part.partition("\n")
        table, share = head.split()
        rows = round(patients * float(share))
        found.append((table, rows, sql.replace(":rows", str(rows)).replace(":patients", str(patients))))
    return found


async def fill(connection: asyncpg.Connection, patients: int, told: Callable[[str], object]) -> int:
    """Fill; how many rows there are then."""
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("SET work_mem = '64MB'; SET synchronous_commit = off; SET timezone = 'UTC'")
    for function in _FUNCTIONS:
        await connection.execute(function)
    total = 0
    for table, rows, sql in statements(patients):
        await connection.execute(sql)
        total += rows
        told(f"  {table}: {rows:,}")
    await connection.execute("SET session_replication_role = DEFAULT")
    await connection.execute("VACUUM (ANALYZE)")
    return total


_USERS = f"""
    INSERT INTO identity_user (id, username, display_name, password_hash, roles, active, rights_version,
        version, created_at, updated_at)
    SELECT person(n), 'user' || lpad(n::text, 4, '0'), 'Person ' || n, '', ARRAY['nurse', 'doctor'],
        true, 1, 1, timestamptz '2015-12-01', timestamptz '2015-12-01'
    FROM generate_series(1, {USERS}) n
"""
_ASSIGNMENTS = f"""
    INSERT INTO identity_assignment (user_id, kind, place, given_by, given_at)
    SELECT person(n), k, CASE k WHEN 'ward' THEN 'W' ELSE 'C' END || lpad((n % {WARDS})::text, 2, '0'),
        person(1), timestamptz '2015-12-01'
    FROM generate_series(1, {USERS}) n CROSS JOIN unnest(ARRAY['ward', 'clinic']) k
"""
_ROOMS = f"""
    INSERT INTO beds_room (ward_code, code)
    SELECT 'W' || lpad(n::text, 2, '0'), 'R1' FROM generate_series(0, {WARDS - 1}) n
"""
_BEDS = f"""
    INSERT INTO beds_bed (id, ward_code, room_code, code, status, isolation, since, version)
    SELECT gid('b', n, timestamptz '2015-12-01'), 'W' || lpad((n % {WARDS})::text, 2, '0'), 'R1', 'B' || n,
        'occupied', false, timestamptz '2025-12-30', 1
    FROM generate_series(0, {BEDS - 1}) n
"""
_CATALOGUE = """
    INSERT INTO lab_catalogue (code, name, specimen_kind, unit, decimals, active, version)
    SELECT 'T' || lpad(n::text, 2, '0'), 'Test ' || n, 'blood', 'mmol/L', 1, true, 1
    FROM generate_series(0, 39) n
"""
_RANGES = """
    INSERT INTO lab_range_set (id, code, unit, valid_from, source, defined_by, defined_at, version)
    SELECT gid('g', n, timestamptz '2015-12-01'), 'T' || lpad(n::text, 2, '0'), 'mmol/L', date '2015-12-01',
        'the maker', person(n), timestamptz '2015-12-01', 1
    FROM generate_series(0, 39) n
"""
_MEDICINES = """
    INSERT INTO pharmacy_medicine (code, generic, form, strength, strength_unit, per, dispense_unit,
        controlled, status, version)
    SELECT 'M' || lpad(n::text, 2, '0'), 'Medicine ' || n, 'tablet', 500, 'mg', 1, 'tablet', false, 'active',
        1
    FROM generate_series(0, 39) n
"""
_STORE = """
    INSERT INTO pharmacy_store (code, name, kind, version) VALUES ('MAIN', 'Dispensary', 'dispensary', 1)
"""
