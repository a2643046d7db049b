package python

import "strings"

// standardLibrary is the union of the top-level modules of Python 3.9 to 3.14 (sys.stdlib_module_names), without private ones.
var standardLibrary = words(`
__future__ __main__ abc aifc annotationlib antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii
binhex bisect builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys compileall compression
concurrent configparser contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm decimal difflib dis
distutils doctest email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch formatter fractions ftplib
functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib imghdr imp
importlib inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma mailbox mailcap marshal math mimetypes
mmap modulefinder msilib msvcrt multiprocessing netrc nis nntplib nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev
parser pathlib pdb pickle pickletools pipes pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile
pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors
shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl stat
statistics string stringprep struct subprocess sunau symbol symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios
textwrap this threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle turtledemo types typing
unicodedata unittest urllib uu uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile
zipimport zlib zoneinfo _thread _collections_abc _typeshed`)

func words(s string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(s) {
		out[w] = true
	}
	return out
}

// distributions says which package of the index carries a module whose name differs from it.
var distributions = pairs(`
yaml=PyYAML cv2=opencv-python-headless PIL=Pillow sklearn=scikit-learn skimage=scikit-image bs4=beautifulsoup4 dateutil=python-dateutil
dotenv=python-dotenv psycopg2=psycopg2-binary psycopg=psycopg[binary] Crypto=pycryptodome Cryptodome=pycryptodomex jwt=PyJWT
jose=python-jose magic=python-magic docx=python-docx pptx=python-pptx fitz=PyMuPDF pymupdf=PyMuPDF serial=pyserial usb=pyusb
MySQLdb=mysqlclient pymysql=PyMySQL mysql=mysql-connector-python OpenSSL=pyOpenSSL nacl=PyNaCl ldap=python-ldap zmq=pyzmq
git=GitPython github=PyGithub gitlab=python-gitlab telegram=python-telegram-bot slack=slackclient slugify=python-slugify
multipart=python-multipart attr=attrs markdown=Markdown jinja2=Jinja2 flask=Flask django=Django sqlalchemy=SQLAlchemy
pkg_resources=setuptools setuptools=setuptools googleapiclient=google-api-python-client google_auth_oauthlib=google-auth-oauthlib
apiclient=google-api-python-client oauth2client=oauth2client boto=boto botocore=botocore snowflake=snowflake-connector-python
databricks=databricks-sql-connector clickhouse_driver=clickhouse-driver clickhouse_connect=clickhouse-connect cassandra=cassandra-driver
neo4j=neo4j pinecone=pinecone qdrant_client=qdrant-client weaviate=weaviate-client elasticsearch=elasticsearch
elasticsearch_dsl=elasticsearch-dsl pymongo=pymongo bson=pymongo gridfs=pymongo redis=redis rediscluster=redis-py-cluster
kafka=kafka-python confluent_kafka=confluent-kafka pika=pika nats=nats-py paho=paho-mqtt amqp=amqp stomp=stomp.py
socks=PySocks socketio=python-socketio engineio=python-engineio websocket=websocket-client websockets=websockets
dns=dnspython whois=python-whois nmap=python-nmap scapy=scapy pysnmp=pysnmp netaddr=netaddr
Levenshtein=python-Levenshtein rapidfuzz=rapidfuzz fuzzywuzzy=fuzzywuzzy jellyfish=jellyfish
win32api=pywin32 win32com=pywin32 pythoncom=pywin32 Xlib=python-xlib gi=PyGObject cairo=pycairo wx=wxPython
discord=discord.py tweepy=tweepy stripe=stripe twilio=twilio sendgrid=sendgrid mailchimp_marketing=mailchimp-marketing
hubspot=hubspot-api-client notion_client=notion-client airtable=airtable-python-wrapper pyairtable=pyairtable
slack_sdk=slack-sdk slack_bolt=slack-bolt linebot=line-bot-sdk facebook_business=facebook-business
O365=O365 msal=msal azure=azure kubernetes=kubernetes docker=docker consul=python-consul hvac=hvac
jenkins=python-jenkins jira=jira zeep=zeep suds=suds-community ruamel=ruamel.yaml tomlkit=tomlkit toml=toml
barcode=python-barcode qrcode=qrcode pyzbar=pyzbar pytesseract=pytesseract easyocr=easyocr
Image=Pillow imageio=imageio wand=Wand cairosvg=CairoSVG svgwrite=svgwrite reportlab=reportlab pypdf=pypdf PyPDF2=PyPDF2
pdfminer=pdfminer.six pdfplumber=pdfplumber camelot=camelot-py tabula=tabula-py weasyprint=weasyprint xlsxwriter=XlsxWriter
xlrd=xlrd xlwt=xlwt openpyxl=openpyxl odf=odfpy tables=tables h5py=h5py netCDF4=netCDF4 osgeo=GDAL shapefile=pyshp
mpl_toolkits=matplotlib pylab=matplotlib Bio=biopython rdkit=rdkit umap=umap-learn community=python-louvain
faiss=faiss-cpu torch=torch torchvision=torchvision tensorflow=tensorflow keras=keras sentence_transformers=sentence-transformers
speech_recognition=SpeechRecognition gtts=gTTS pydub=pydub moviepy=moviepy ffmpeg=ffmpeg-python
chess=chess Adafruit_DHT=Adafruit-DHT RPi=RPi.GPIO smbus=smbus-cffi can=python-can
decouple=python-decouple environ=django-environ rest_framework=djangorestframework corsheaders=django-cors-headers
flask_cors=Flask-Cors flask_login=Flask-Login flask_sqlalchemy=Flask-SQLAlchemy flask_restful=Flask-RESTful flask_migrate=Flask-Migrate
werkzeug=Werkzeug itsdangerous=itsdangerous markupsafe=MarkupSafe wtforms=WTForms mako=Mako babel=Babel pygments=Pygments
docutils=docutils sphinx=Sphinx jsonschema=jsonschema pytz_deprecation_shim=pytz-deprecation-shim
pandas_gbq=pandas-gbq pyarrow=pyarrow polars=polars duckdb=duckdb ibis=ibis-framework great_expectations=great-expectations
statsmodels=statsmodels lightgbm=lightgbm xgboost=xgboost catboost=catboost prophet=prophet
googlemaps=googlemaps geopy=geopy folium=folium shapely=Shapely pyproj=pyproj rtree=Rtree
ics=ics icalendar=icalendar vobject=vobject feedparser=feedparser readability=readability-lxml html2text=html2text
pyodbc=pyodbc oracledb=oracledb cx_Oracle=cx_Oracle ibm_db=ibm-db teradatasql=teradatasql hdbcli=hdbcli
nltk=nltk spacy=spacy textblob=textblob langdetect=langdetect deep_translator=deep-translator
selenium=selenium playwright=playwright pyppeteer=pyppeteer mechanize=mechanize
fake_useragent=fake-useragent user_agents=user-agents ua_parser=ua-parser phonenumbers=phonenumbers
Onboardbase=onboardbase opensearchpy=opensearch-py meilisearch=meilisearch typesense=typesense
google.protobuf=protobuf google.auth=google-auth google.oauth2=google-auth google.api_core=google-api-core google.genai=google-genai
google.generativeai=google-generativeai google.ads=google-ads google.analytics=google-analytics-data google.rpc=googleapis-common-protos
google.cloud=google-cloud-core azure.storage=azure-storage-blob azure.identity=azure-identity azure.keyvault=azure-keyvault-secrets
azure.cosmos=azure-cosmos azure.core=azure-core azure.mgmt=azure-mgmt-resource azure.servicebus=azure-servicebus
azure.eventhub=azure-eventhub`)

func pairs(s string) map[string]string {
	out := map[string]string{}
	for _, w := range strings.Fields(s) {
		k, v, _ := strings.Cut(w, "=")
		out[k] = v
	}
	return out
}

// distribution is the package that carries a dotted module.
func distribution(module string) string {
	parts := strings.Split(module, ".")
	if len(parts) > 2 && parts[0] == "google" && parts[1] == "cloud" {
		return "google-cloud-" + strings.ReplaceAll(strings.TrimSuffix(parts[2], "_v1"), "_", "-")
	}
	for n := min(len(parts), 3); n > 0; n-- {
		if d, ok := distributions[strings.Join(parts[:n], ".")]; ok {
			return d
		}
	}
	return parts[0]
}

// popular are names that people mistype.
var popular = strings.Fields(`
requests numpy pandas scipy matplotlib flask django fastapi pydantic sqlalchemy aiohttp httpx boto3 botocore pillow beautifulsoup4 lxml
scikit-learn tensorflow torch transformers openai anthropic langchain selenium playwright pytest psycopg2-binary psycopg pymysql pymongo
redis celery jinja2 pyyaml click typer rich tqdm python-dateutil python-dotenv pytz cryptography paramiko fabric openpyxl xlsxwriter
google-cloud-storage google-cloud-bigquery google-api-python-client google-auth stripe twilio slack-sdk sendgrid polars pyarrow duckdb
plotly seaborn networkx sympy nltk spacy pyjwt humanize attrs orjson ujson msgpack protobuf grpcio websockets tenacity structlog loguru
opencv-python opencv-python-headless pypdf reportlab python-docx python-pptx feedparser wmill pendulum arrow tabulate simplejson
jsonschema marshmallow gspread notion-client airtable-python-wrapper hubspot-api-client pygithub python-gitlab jira snowflake-connector-python`)

// similar finds what was probably meant by a name that the index does not have; "" for no idea.
func similar(name string) string {
	for module, dist := range distributions {
		if strings.EqualFold(module, name) && !strings.EqualFold(dist, name) {
			return dist
		}
	}
	best, at := "", 3
	for _, p := range popular {
		if d := distance(strings.ToLower(name), p); d < at && d*3 <= len(p) {
			best, at = p, d
		}
	}
	return best
}

// distance is the number of edits (insert, delete, replace, swap of neighbours) between two words.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
