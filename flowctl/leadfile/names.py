"""The usual other names of columns, in the languages in which spreadsheets are kept.

A name counts in any case and spelling: blanks, underscores, hyphens and accents do not matter.
"""

from collections.abc import Mapping

from flowctl.leadfile.cells import fold

_NAMES = {
    "email": """
        email, e-mail, mail, email address, e-mail address, mail address, email id, email addr,
        primary email, contact email, work email, business email, subscriber email, user email,
        customer email, email 1, email address 1, email 1 value, E-mail 1 - Value,
        E-Mail-Adresse, Mailadresse, E-Mail Adresse,
        adresse e-mail, adresse mail, adresse email, adresse électronique, courriel, mél,
        correo, correo electrónico, dirección de correo, dirección de correo electrónico,
        email del contacto, endereço de email, endereço de e-mail, endereço eletrônico,
        posta elettronica, indirizzo email, indirizzo e-mail, indirizzo di posta elettronica,
        e-mailadres, mailadres, emailadres, e-post, e-postadress, e-postadresse, epost,
        sähköposti, sähköpostiosoite, adres e-mail, adres email, poczta, e-mailová adresa, emailová
        adresa, e-mail cím, e-posta, e-posta adresi, adresă de email, имейл, почта,
        электронная почта, адрес электронной почты, эл. почта, e-mail адрес, пошта,
        електронна пошта, ηλεκτρονικό ταχυδρομείο, 邮箱, 邮箱地址, 邮件, 电子邮件, 电子邮箱,
        电子邮件地址, 電子郵件, 電郵, メール, メールアドレス, eメール, 이메일, 이메일 주소, 메일""",
    "phone": """
        phone, phone number, phone no, phone nr, phone 1, phone 1 value, Phone 1 - Value, mobile,
        mobile phone, mobile phone number, mobile number, mobile no, cell, cell phone, cellphone,
        cell phone number, cell number, tel, tel no, telephone, telephone number, telephone no,
        primary phone, contact phone, contact number, sms, sms number, sms phone number,
        phone sms, whatsapp number, whatsapp phone, msisdn,
        Telefon, Telefonnummer, Telefon-Nr, Telefonnr, Tel-Nr, Handy, Handynummer, Handy-Nr,
        Mobil, Mobilnummer, Mobiltelefon, Mobilfunk, Mobilfunknummer, Rufnummer,
        téléphone, numéro de téléphone, n° de téléphone, téléphone portable, téléphone mobile,
        portable, numéro de portable, mobile portable,
        teléfono, número de teléfono, teléfono móvil, teléfono celular, móvil, celular, número de
        celular, telefone, número de telefone, telefone celular, telemóvel, número de celular,
        telefono, numero di telefono, telefono cellulare, cellulare, numero di cellulare,
        telefoon, telefoonnummer, mobiel, mobiele nummer, mobiel nummer, gsm, gsm-nummer,
        telefonnummer, mobilnummer, mobilnr, mobiltelefonnummer, puhelin, puhelinnumero,
        matkapuhelin, numer telefonu, nr telefonu, telefon komórkowy, komórka, telefonní číslo,
        telefonszám, mobilszám, cep telefonu, telefon numarasi, număr de telefon,
        телефон, номер телефона, мобильный, мобильный телефон, тел, номер телефону,
        τηλέφωνο, κινητό, 电话, 电话号码, 手机, 手机号, 手机号码, 電話, 電話號碼, 手機,
        電話番号, 携帯, 携帯電話, 携帯番号, 携帯電話番号, 전화, 전화번호, 휴대폰, 휴대폰 번호,
        휴대전화""",
    "first_name": """
        first name, firstname, first, fname, given name, given names, forename, contact first name,
        Vorname, prénom, nombre, nombres, nome, primeiro nome, voornaam, fornavn, förnamn, etunimi,
        imię, jméno, křestní jméno, keresztnév, prenume, имя, ім'я, όνομα, 名, 名字, 名前""",
    "last_name": """
        last name, lastname, last, lname, surname, family name, contact last name,
        Nachname, Familienname, Zuname, nom, nom de famille, apellido, apellidos, cognome,
        sobrenome, apelido, achternaam, familienaam, etternavn, efternavn, efternamn, sukunimi,
        nazwisko, příjmení, vezetéknév, фамилия, прізвище, επώνυμο, 姓, 姓氏, 苗字""",
    "timezone": """
        timezone, time zone, tz, tzid, iana timezone, time zone name, timezone name, Zeitzone,
        fuseau horaire, zona horaria, huso horario, fuso horário, fuso orario, tijdzone, tidszon,
        tidssone, tidszone, aikavyöhyke, strefa czasowa, časové pásmo, időzóna, saat dilimi,
        часовой пояс, часовий пояс, ζώνη ώρας, 时区, 時區, タイムゾーン, 시간대""",
}

_FOR_ANOTHER = {
    "created_at": """
        created, create date, created date, created time, created on, date created, creation date,
        date added, added time, added on, added at, signup date, signed up at, sign up date,
        registration date, registered at, optin time, opt in time, opt in date, confirm time,
        subscribed at, subscription date, submitted at, submission date, lead date, timestamp,
        Erstellt, Erstellt am, Erstelldatum, Anmeldedatum, Eingang, Datum, date, date de création,
        créé le, fecha de creación, fecha, data de criação, data di creazione, aangemaakt op""",
    "first_name+last_name": """
        name, full name, fullname, contact name, contact, customer name, lead name, your name,
        display name, subscriber name, Name, Vor- und Nachname, Vollständiger Name, nom complet,
        nom et prénom, nombre completo, nombre y apellidos, nome completo, nome e cognome,
        volledige naam, naam, navn, namn, nimi, imię i nazwisko, jméno a příjmení, фио, 姓名, 氏名,
        이름, 성명""",
}


def _folded(table: Mapping[str, str]) -> dict[str, str]:
    return {
        fold(name): column
        for column, names in table.items()
        for name in " ".join(names.split()).split(", ")
    }


COLUMN_OF: Mapping[str, str] = _folded(_NAMES)
"""The column that a folded name means, where the leads table has no column of the name itself."""

SUGGESTED: Mapping[str, str] = _folded(_FOR_ANOTHER)
"""What a folded name may be mapped to, which only the user can know."""
