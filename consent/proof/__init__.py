"""The proof of decisions: records, receipts, their verification and their retention."""
