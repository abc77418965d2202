-- Ten years of a hospital, a statement a table. `-- table share`: so many rows for each patient.
--:rows is the number of rows of the table, :patients that of patients.

-- patients_patient 1.0
INSERT INTO patients_patient (id, mrn, family_name, given_name, sex, birth_date, phone, unidentified,
    search_name, phone_reversed, version, created_at, updated_at, restricted)
SELECT gid('p', n, at), 'MRN-' || lpad(n::text, 9, '0'), initcap(syllables(n * 31)),
    initcap(syllables(n * 17)), CASE n % 2 WHEN 0 THEN 'female' ELSE 'male' END,
    date '1930-01-01' + (n % 30000)::int, '+43660' || n, false,
    syllables(n * 31) || ' ' || syllables(n * 17), reverse('+43660' || n), 1, at, at, n % 5000 = 0
FROM (SELECT n, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- patients_identifier 1.0
INSERT INTO patients_identifier (id, patient_id, type, issuer, value, compared, recorded_at, recorded_by)
SELECT gid('i', n, at), patient(n, :patients), 'national_id', 'AT', 'N' || n, 'N' || n, at, person(n)
FROM (SELECT n, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- patients_allergy 0.3
INSERT INTO patients_allergy (id, patient_id, kind, category, substance, reaction, severity, status,
    recorded_at, recorded_by, entered_in_error)
SELECT gid('a', n, at), patient(n, :patients), 'allergy', 'medication', 'Penicillin', '', 'severe',
    'active', at, person(n), false
FROM (SELECT n, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- patients_record_entry 3.0
INSERT INTO patients_record_entry (id, patient_id, kind, document_id, occurred_at, recorded_at, author,
    entered_in_error)
SELECT gid('e', n, at), patient(n, :patients),
    (ARRAY['note', 'vitals', 'nursing_note', 'diagnosis'])[n % 4 + 1], gid('d', n, at), at, at,
    person(n), false
FROM (SELECT n, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- opd_token 2.0
INSERT INTO opd_token (id, clinic_code, origin_code, day, number, category, priority, state, patient_id,
    patient_name, mrn, issued_at, queued_at, since, recorded_at, changed_at, called_at, serving_at,
    finished_at, version)
SELECT gid('t', n, at), c, c, at::date, n, 'A', 'routine', CASE WHEN live THEN 'waiting' ELSE 'done' END,
    patient(n, :patients), 'Somebody', 'MRN-' || n, at, at, at, at, at,
    CASE WHEN NOT live THEN at END, CASE WHEN NOT live THEN at END, CASE WHEN NOT live THEN at END, 1
FROM (SELECT n, moment(n, :rows) AS at, 'C' || lpad((n % 20)::text, 2, '0') AS c, n > :rows - 400 AS live
      FROM generate_series(1, :rows) n) t;

-- opd_appointment 1.0
INSERT INTO opd_appointment (id, slot_id, clinic_code, doctor_id, day, starts_at, ends_at, patient_id,
    patient_name, mrn, category, note, state, overbooked, since, recorded_at, token_id, arrived_at,
    finished_at, version)
SELECT gid('o', n, at), gid('s', n, at), 'C' || lpad((n % 20)::text, 2, '0'), person(n), at::date, at,
    at + interval '15 min', patient(n, :patients), 'Somebody', 'MRN-' || n, 'A', '',
    CASE WHEN late THEN 'booked' ELSE 'fulfilled' END, false, at, at,
    CASE WHEN NOT late THEN gid('t', n, at) END, CASE WHEN NOT late THEN at END,
    CASE WHEN NOT late THEN at END, 1
FROM (SELECT n, moment(n, :rows) AS at, n > :rows * 0.998 AS late FROM generate_series(1, :rows) n) t;

-- opd_slot 1.0
INSERT INTO opd_slot (id, schedule_id, clinic_code, doctor_id, day, starts_at, ends_at, capacity, overbook,
    booked)
SELECT gid('s', n, at), gid('w', n % 20, timestamptz '2015-12-01'), 'C' || lpad((n % 20)::text, 2, '0'),
    person(n), at::date, at, at + interval '15 min', 1, 0, 1
FROM (SELECT n, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- opd_visit 1.5
INSERT INTO opd_visit (id, clinic_code, day, patient_id, patient_name, mrn, state, opened_at, since,
    recorded_at, doctor_id, triaged_at, consulted_at, finished_at, disposition, reason, version)
SELECT gid('f', n, at), 'C' || lpad((n % 20)::text, 2, '0'), at::date,
    /* The hundred open ones are of a hundred patients: nobody has two open visits in a clinic. */
    CASE WHEN state = 'arrived' THEN gid('p', :rows - n + 1, moment(:rows - n + 1, :patients))
        ELSE patient(n, :patients) END, 'Somebody',
    'MRN-' || n, state, at, at, at, CASE WHEN state <> 'arrived' THEN person(n) END,
    CASE WHEN state = 'closed' THEN at END, CASE WHEN state = 'closed' THEN at END,
    CASE WHEN state <> 'arrived' THEN at END, CASE WHEN state = 'closed' THEN 'home' END,
    CASE WHEN state = 'left' THEN 'waited too long' END, 1
FROM (SELECT n, moment(n, :rows) AS at, CASE WHEN n > :rows - 100 THEN 'arrived' WHEN n % 1000 = 0 THEN 'left'
      ELSE 'closed' END AS state FROM generate_series(1, :rows) n) t;

-- ipd_admission 0.3
INSERT INTO ipd_admission (id, patient_id, ward_code, state, reason, requested_by, requested_at,
    recorded_at, accepted_at, admitted_at, discharged_at, disposition, version)
SELECT gid('m', n, at), gid('p', n * 3, moment(n * 3, :patients)), 'W' || lpad((n % 20)::text, 2, '0'),
    CASE WHEN live THEN 'admitted' ELSE 'discharged' END, 'sepsis', person(n), at, at, at, at,
    CASE WHEN NOT live THEN at + interval '5 days' END, CASE WHEN NOT live THEN 'left' END, 1
FROM (SELECT n, moment(n, :rows) AS at, n > :rows - 600 AS live FROM generate_series(1, :rows) n) t;

-- ipd_stay 0.3
INSERT INTO ipd_stay (id, admission_id, patient_id, bed_id, bed_code, ward_code, started_at, ended_at,
    entered_in_error)
SELECT gid('y', n, at), gid('m', n, at), gid('p', n * 3, moment(n * 3, :patients)),
    gid('b', n % 600, timestamptz '2015-12-01'), (n % 30)::text, 'W' || lpad((n % 20)::text, 2, '0'), at,
    CASE WHEN n <= :rows - 600 THEN moment(n + 599, :rows) END, false
FROM (SELECT n, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- ipd_round 0.9
INSERT INTO ipd_round (id, admission_id, ward_code, entry_id, occurred_at, recorded_at, recorded_by,
    recorded_by_name)
SELECT gid('1', n, at), gid('m', o, moment(o, :rows / 3)), 'W' || lpad((o % 20)::text, 2, '0'),
    gid('e', n, at), at, at, person(n), 'Somebody'
FROM (SELECT n, (n + 2) / 3 AS o, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- ipd_medication 0.6
INSERT INTO ipd_medication (line_id, prescription_id, admission_id, patient_id, patient_name, mrn, ward,
    name, controlled, dose, dose_unit, route, frequency_kind, times, starts_at, ends_at, state,
    planned_until, ceased_at)
SELECT gid('2', n, at), gid('3', o, at), gid('m', o, moment(o, :rows / 2)),
    gid('p', o * 3, moment(o * 3, :patients)), 'Somebody', 'MRN-' || o, CASE WHEN live THEN ward END,
    'Amoxicillin', false, 500, 'mg', 'oral', 'every_hours', '{}', at, at + interval '5 days',
    CASE WHEN live THEN 'in_force' ELSE 'ended' END, at + interval '5 days',
    CASE WHEN NOT live THEN at + interval '5 days' END
FROM (SELECT n, (n + 1) / 2 AS o, moment(n, :rows) AS at, n > :rows - 1200 AS live,
      'W' || lpad(((n + 1) / 2 % 20)::text, 2, '0') AS ward FROM generate_series(1, :rows) n) t;

-- ipd_dose 6.0
INSERT INTO ipd_dose (id, line_id, due_at, ward, state, version)
SELECT gid('4', n, at), gid('2', l, moment(l, :rows / 10)), at, 'W' || lpad(((l + 1) / 2 % 20)::text, 2, '0'),
    CASE WHEN n > :rows - 2000 THEN 'due' ELSE 'given' END, 1
FROM (SELECT n, (n + 9) / 10 AS l, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- ipd_administration 6.0
INSERT INTO ipd_administration (id, line_id, dose_id, controlled, outcome, amount, given_by, occurred_at,
    recorded_at)
SELECT gid('5', n, at), gid('2', l, moment(l, :rows / 10)), gid('4', n, at), false, 'given', 500, person(n),
    at, at
FROM (SELECT n, (n + 9) / 10 AS l, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t
WHERE n <= :rows - 2000;

-- beds_cleaning 0.3
INSERT INTO beds_cleaning (id, bed_id, ward_code, kind, state, requested_at, requested_by, due_at, note,
    claimed_at, claimed_by, claimed_by_name, finished_at, finished_by, version)
SELECT gid('c', n, at), gid('b', n % 600, timestamptz '2015-12-01'),
    'W' || lpad((n % 20)::text, 2, '0'), 'routine', 'done', at, person(n), at + interval '1 h', '', at,
    person(n), 'Somebody', at + interval '1 h', person(n), 1
FROM (SELECT n, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- lab_order 1.7
INSERT INTO lab_order (id, patient_id, patient_name, mrn, ward, clinic, ordered_by, priority, ordered_at,
    recorded_at, state)
SELECT gid('l', n, at), patient(n, :patients), 'Somebody', 'MRN-' || n,
    CASE WHEN n % 2 = 0 THEN 'W' || lpad((n / 2 % 20)::text, 2, '0') END,
    CASE WHEN n % 2 = 1 THEN 'C' || lpad((n / 2 % 20)::text, 2, '0') END, person(n),
    (ARRAY['routine', 'routine', 'routine', 'urgent', 'stat'])[n % 5 + 1], at, at,
    CASE WHEN n > :rows - 1000 THEN 'open' ELSE 'completed' END
FROM (SELECT n, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- lab_test 5.1
INSERT INTO lab_test (id, order_id, code, name, specimen_kind, state, specimen_id, specimen_barcode,
    result_version, flag, entered_by, resulted_at, verified_by, verified_at, released_by, released_at,
    review_due, version)
SELECT gid('k', n, at), gid('l', o, moment(o, :rows / 3)), 'T' || lpad((n % 40)::text, 2, '0'), 'Test',
    'blood', CASE WHEN live THEN 'ordered' ELSE 'released' END,
    CASE WHEN NOT live THEN gid('z', o, moment(o, :rows / 3)) END,
    CASE WHEN NOT live THEN 'LAB' || o END, CASE WHEN NOT live THEN 1 END,
    CASE WHEN NOT live THEN 'normal' END, CASE WHEN NOT live THEN person(n) END,
    CASE WHEN NOT live THEN at END, CASE WHEN NOT live THEN person(n + 1) END,
    CASE WHEN NOT live THEN at END, CASE WHEN NOT live THEN person(n + 1) END,
    CASE WHEN NOT live THEN at END, false, 1
FROM (SELECT n, (n + 2) / 3 AS o, moment(n, :rows) AS at, n > :rows - 3000 AS live
      FROM generate_series(1, :rows) n) t;

-- lab_ordered_test 5.1
INSERT INTO lab_ordered_test (code, ordered_at, order_id, place, ordered_by)
SELECT t.code, o.ordered_at, o.id, o.place, o.ordered_by FROM lab_test t JOIN lab_order o ON o.id = t.order_id
LIMIT :rows;

-- lab_specimen 1.7
INSERT INTO lab_specimen (id, order_id, barcode, kind, state, collected_by, collected_at, received_by,
    received_at, version)
SELECT gid('z', n, at), gid('l', n, at), 'LAB' || lpad(n::text, 9, '0'), 'blood', 'processed', person(n),
    at, person(n), at, 1
FROM (SELECT n, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- lab_critical_alert 0.1
INSERT INTO lab_critical_alert (id, test_id, result_version, flag, state, raised_at, escalate_at,
    acknowledged_by, acknowledged_at, closed_by, closed_at, version, place, ordered_by)
SELECT gid('x', n, at), gid('k', n * 51, moment(n * 51, :rows * 51)), 1, 'critical_high',
    CASE WHEN live THEN 'notified' ELSE 'closed' END, at, CASE WHEN live THEN at END,
    CASE WHEN NOT live THEN person(n) END, CASE WHEN NOT live THEN at END,
    CASE WHEN NOT live THEN person(n) END, CASE WHEN NOT live THEN at END, 1,
    'ward:W' || lpad((n % 20)::text, 2, '0'), person(n)
FROM (SELECT n, moment(n, :rows) AS at, n > :rows - 40 AS live FROM generate_series(1, :rows) n) t;

-- pharmacy_prescription 1.0
INSERT INTO pharmacy_prescription (id, patient_id, patient_name, mrn, clinic, take_home, dispensary,
    prescribed_by, state, prescribed_at, recorded_at, version)
SELECT gid('r', n, at), patient(n, :patients), 'Somebody', 'MRN-' || n,
    'C' || lpad((n % 20)::text, 2, '0'), false, 'MAIN', person(n),
    CASE WHEN n > :rows - 300 THEN 'active' ELSE 'dispensed' END, at, at, 1
FROM (SELECT n, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- pharmacy_lot 0.1
INSERT INTO pharmacy_lot (id, medicine, number, expires_on, version)
SELECT gid('6', n, at), 'M' || lpad((n % 40)::text, 2, '0'), 'LOT' || n, at::date + 700, 1
FROM (SELECT n, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- pharmacy_stock 0.1
INSERT INTO pharmacy_stock (lot_id, store, quantity)
SELECT gid('6', n, moment(n, :rows)), 'MAIN', CASE WHEN n > :rows - 400 THEN 100 ELSE 0 END
FROM generate_series(1, :rows) n;

-- pharmacy_ledger 2.0
INSERT INTO pharmacy_ledger (id, lot_id, store, kind, delta, occurred_at, recorded_at, recorded_by)
SELECT gid('7', n, at), gid('6', l, moment(l, :rows / 20)), 'MAIN',
    CASE WHEN n % 20 = 1 THEN 'receive' ELSE 'dispense' END, CASE WHEN n % 20 = 1 THEN 190 ELSE -10 END, at, at,
    person(n)
FROM (SELECT n, (n + 19) / 20 AS l, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- billing_charge 4.0
INSERT INTO billing_charge (id, patient_id, admission_id, kind, cause, source, service, description, quantity,
    payer, patient_class, occurred_at, recorded_at, recorded_by, unit_price, tax_rate, net, tax, gross,
    payer_part, patient_part, reversed_by)
SELECT gid('8', n, at), patient(n, :patients), CASE WHEN n % 4 = 0 THEN gid('m', o, moment(o, :rows * 3 / 40)) END,
    'test', n::text, 'T01', 'S01', 'Test', 1, 'SELF', 'STD', at, at, person(n), a, a * 0, a, a * 0, a, a * 0, a,
    CASE WHEN n % 5000 = 0 THEN gid('9', n, at) END
FROM (SELECT n, moment(n, :rows) AS at, n * 3 / 40 + 1 AS o, CASE WHEN n < :rows - 500 THEN 20.00 END AS a
      FROM generate_series(1, :rows) n) t;

-- billing_shift 0.1
INSERT INTO billing_shift (id, facility, counter, cashier, day, opened_at, opening_cash, cash, closed_at, counted,
    difference, version)
SELECT gid('A', n, at), 'MAIN', 'K' || n % 10, person(n), at::date, at, 100, 100, at, 100, 0, 1
FROM (SELECT n, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- billing_invoice 1.0
INSERT INTO billing_invoice (id, facility, kind, number, patient_id, payer, admission_id, counter, state, total, owed,
    patient_part, payer_part, paid, credited, created_at, created_by, issued_at, void_requested_by, void_reason,
    voided_by, voided_at, version)
SELECT gid('B', n, at), 'MAIN', 'final', n, patient(n, :patients), 'SELF',
    CASE WHEN n % 4 = 0 THEN gid('m', o, moment(o, :rows * 3 / 10)) END, 'K' || n % 10, state, 20, 20, 20, 0,
    CASE WHEN state = 'paid' THEN 20 ELSE 0 END, 0, at, person(n), at,
    CASE WHEN state = 'void' THEN person(n) END, CASE WHEN state = 'void' THEN 'a mistake' END,
    CASE WHEN state = 'void' THEN person(n + 1) END, CASE WHEN state = 'void' THEN at END, 1
FROM (SELECT n, moment(n, :rows) AS at, n * 3 / 10 AS o, CASE WHEN n > :rows - 200 THEN 'issued'
      WHEN n % 2000 = 0 THEN 'void' ELSE 'paid' END AS state FROM generate_series(1, :rows) n) t;

-- billing_payment 1.0
INSERT INTO billing_payment (id, facility, number, patient_id, payer, shift_id, means, amount, state, allocated,
    refunded, created_at, created_by, captured_at, version)
SELECT gid('C', n, at), 'MAIN', CASE WHEN state = 'captured' THEN n END, patient(n, :patients), 'SELF',
    gid('A', s, moment(s, :rows / 10)), 'cash', 20, state, CASE WHEN state = 'captured' THEN 20 ELSE 0 END, 0, at,
    person(n), CASE WHEN state = 'captured' THEN at END, 1
FROM (SELECT n, moment(n, :rows) AS at, (n + 9) / 10 AS s, CASE WHEN n > :rows - 20 THEN 'pending'
      WHEN n % 2000 = 0 THEN 'failed' ELSE 'captured' END AS state FROM generate_series(1, :rows) n) t;

-- billing_refund 0.05
INSERT INTO billing_refund (id, payment_id, shift_id, amount, reason, state, requested_by, requested_at,
    decided_by, decided_at, version)
SELECT gid('D', n, at), gid('C', p, moment(p, :rows * 20)), gid('A', n * 2, moment(n * 2, :rows * 2)), 5,
    'paid twice', CASE WHEN n > :rows - 5 THEN 'requested' ELSE 'approved' END, person(n), at,
    CASE WHEN n <= :rows - 5 THEN person(n + 1) END, CASE WHEN n <= :rows - 5 THEN at END, 1
FROM (SELECT n, n * 20 AS p, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- notifications_batch 2.0
INSERT INTO notifications_batch (id, sender_id, kind, title, subject_type, subject_id, patient_id,
    priority, created_at, told, seen, acknowledged)
SELECT gid('h', n, at), person(n), (ARRAY['result_released', 'critical_result'])[n % 2 + 1], 'A result',
    'lab_test', n::text, patient(n, :patients), 'normal', at, 2, 2, 0
FROM (SELECT n, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- notifications_notification 4.0
INSERT INTO notifications_notification (id, user_id, kind, title, subject_type, subject_id, patient_id,
    priority, created_at, seen_at, in_room, batch_id)
SELECT gid('n', n, at), person(n), (ARRAY['result_released', 'critical_result'])[n % 2 + 1], 'A result',
    'lab_test', n::text, patient(n, :patients), CASE WHEN n % 50 = 0 THEN 'critical' ELSE 'normal' END,
    at, CASE WHEN n < :rows - 4000 THEN at END, n >= :rows - 4000,
    gid('h', (n + 1) / 2, moment((n + 1) / 2, :rows / 2))
FROM (SELECT n, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- timers 0.1
INSERT INTO timers (id, kind, key, due_at, run_at, state, attempts, payload, version, set_at, ended_at)
SELECT gid('v', n, at), 'lab.escalate', n::text, at, at, CASE WHEN n % 100 = 0 THEN 'dead' ELSE 'fired' END,
    0, '{}', 1, at, at
FROM (SELECT n, moment(n, :rows) AS at FROM generate_series(1, :rows) n) t;

-- audit_log 20.0
INSERT INTO audit_log (at, xid, principal_kind, principal_id, session_id, action, outcome, entity,
    entity_id, patient_id, detail, request_id, address)
SELECT moment(n, :rows), 3, 'user', person(n), person(n),
    CASE WHEN n % 5000 = 0 THEN 'record.break_glass' ELSE
        (ARRAY['patient.read', 'record.read', 'bed.change', 'lab.order', 'token.call'])[n % 5 + 1] END, 'allowed',
    'patient', n::text, CASE WHEN n % 3 < 2 THEN patient(n, :patients) END, '{}', 'r', '10.0.0.1'
FROM generate_series(1, :rows) n;
