"""Files of leads and of opt-outs, as spreadsheets and CRMs write them, read into values.

Below the use cases: no database and no settings, only the file and the columns it is meant for.
Every file is read twice, once to see that it can be read and how its dates are written, once to
take its rows; memory does not grow with its length.
"""
