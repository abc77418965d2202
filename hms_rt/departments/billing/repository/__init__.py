"""SQL of billing. The patient is locked before what is on the patient's account."""
